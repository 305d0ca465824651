"""What is asked of the cluster while it suffers: calls, objects, transfers, letters, workflows and timers."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import perdure
from ordeal.v1 import (
    AddRequest,
    ApproveRequest,
    BoxClient,
    CounterClient,
    ErrandClient,
    ErrandRequest,
    Letter,
    PostRequest,
    TransferRequest,
    WorkRequest,
    WorksClient,
)

from chaos.asking import Asker, NoAnswer
from chaos.history import Answer, Approved, Call, Counted, Finished, Posted, Recorder, Transferred, Worked
from chaos.ledger import moment_s

COUNTERS = tuple(f"counter-{number}" for number in range(12))
PROBES = tuple(f"probe-{number}" for number in range(12))
ACCOUNTS = tuple(f"account-{number}" for number in range(8))
BOXES = tuple(f"box-{number}" for number in range(32))
# A caller rests so long between two calls, on average.
REST_S = 0.4
PROBE_REST_S = 0.2
# Most adds are short. A long one is under way yet when its partition has another owner.
SHORT_MS = 5
LONG = 0.03
# So many calls are made once more after their answer: it must be the same.
REPEATED = 0.1

Asking = Callable[[], Awaitable[Answer]]


def work(ask: Asker, id: str, chance: random.Random) -> Asking:
    """A call with two steps."""

    async def asking() -> Answer:
        request = WorkRequest(call=id)
        call, done = await ask(id, "work", lambda client: WorksClient(client).work(request, idempotency_key=id))
        return Worked(call, done.first_run, done.second_run)

    return asking


def count(ask: Asker, id: str, counter: str, work_ms: int, probe: bool = False) -> Asking:
    """One more at a counter."""

    async def asking() -> Answer:
        request = AddRequest(call=id, work_ms=work_ms)
        call, done = await ask(
            id, "add", lambda client: CounterClient(client, counter).add(request, idempotency_key=id)
        )
        return Counted(call, counter, done.value, done.attempt, probe)

    return asking


def count_somewhere(ask: Asker, id: str, chance: random.Random) -> Asking:
    """One more at one of the counters."""
    work_ms = chance.randint(2_000, 8_000) if chance.random() < LONG else SHORT_MS
    return count(ask, id, chance.choice(COUNTERS), work_ms)


def transfer(ask: Asker, id: str, chance: random.Random) -> Asking:
    """From one account to another."""
    source, target = chance.sample(ACCOUNTS, 2)
    amount = chance.randint(1, 100)

    async def asking() -> Answer:
        request = TransferRequest(source, target, amount)
        call, _ = await ask(id, "transfer", lambda client: WorksClient(client).transfer(request, idempotency_key=id))
        return Transferred(call, source, target, amount)

    return asking


def post(ask: Asker, id: str, chance: random.Random) -> Asking:
    """A handler that sends some letters."""
    boxes = chance.sample(BOXES, 3)

    async def asking() -> Answer:
        request = PostRequest(id, boxes)
        call, _ = await ask(id, "post", lambda client: WorksClient(client).post(request, idempotency_key=id))
        return Posted(call, {f"{id}/{box}": box for box in boxes}, due_ms=0)

    return asking


def post_later(ask: Asker, id: str, chance: random.Random) -> Asking:
    """A letter that is sent from outside, to come after some time."""
    box, delay = chance.choice(BOXES), timedelta(milliseconds=chance.randint(0, 8_000))
    due_ms = time.time_ns() // 1_000_000 + delay // timedelta(milliseconds=1)

    async def asking() -> Answer:
        letter = Letter(id=id)
        call, _ = await ask(
            id,
            "send",
            lambda client: BoxClient(client, box).put.send(letter, delay=delay, idempotency_key=id),
        )
        return Posted(call, {id: box}, due_ms)

    return asking


def run_errand(ask: Asker, id: str, asked_ms: int) -> Asking:
    """A workflow, to its end."""

    async def asking() -> Answer:
        request = ErrandRequest(sleep_ms=asked_ms)
        call, done = await ask(id, "run", lambda client: ErrandClient(client, id).run(request))
        return Finished(call, id, done.approved_by, asked_ms, done.slept_ms, done.run)

    return asking


def approve(ask: Asker, id: str, errand: str) -> Asking:
    """Resolves the promise of a workflow, if nobody has."""

    async def asking() -> Answer:
        began_s = moment_s()
        request = ApproveRequest(by=id)
        try:
            call, _ = await ask(
                id, "approve", lambda client: ErrandClient(client, errand).approve(request, idempotency_key=id)
            )
        except perdure.TerminalError:
            return Approved(Call(id, began_s, moment_s()), errand, id, first=False)
        return Approved(call, errand, id, first=True)

    return asking


OPERATIONS = {work: 4, count_somewhere: 6, transfer: 4, post: 2, post_later: 4}
# So often a caller runs an errand instead.
ERRANDS = 0.1


class Load:
    """Callers that call until they are told to stop, and then wait for what they have under way."""

    def __init__(self, ask: Asker, probe: Asker, recorder: Recorder, seed: int) -> None:
        self._ask = ask
        self._probe = probe
        self._recorder = recorder
        self._seed = seed
        self._over = asyncio.Event()

    async def run(self, callers: int) -> None:
        """Returns once ``stop`` was called and every call has its answer."""
        async with asyncio.TaskGroup() as crowd:
            for number in range(callers):
                crowd.create_task(self._call(f"c{number}"))
            for counter in PROBES:
                crowd.create_task(self._watch(counter))

    def stop(self) -> None:
        """No new calls."""
        self._over.set()

    async def _call(self, name: str) -> None:
        chance = random.Random(f"{self._seed}/{name}")
        number = 0
        while not self._over.is_set():
            number += 1
            id = f"{name}-{number}"
            if chance.random() < ERRANDS:
                await self._errand(id, chance)
            else:
                (operation,) = chance.choices(list(OPERATIONS), list(OPERATIONS.values()))
                await self._do(operation(self._ask, id, chance), chance)
            await self._rest(REST_S * chance.uniform(0, 2))

    async def _watch(self, counter: str) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            await self._do(count(self._probe, f"{counter}-{number}", counter, SHORT_MS, probe=True))
            await self._rest(PROBE_REST_S)

    async def _errand(self, id: str, chance: random.Random) -> None:
        """An errand that two want to approve."""

        async def approving(by: str, after_s: float) -> None:
            await asyncio.sleep(after_s)
            await self._do(approve(self._ask, f"{id}-{by}", id), chance)

        async with asyncio.TaskGroup() as all:
            all.create_task(self._do(run_errand(self._ask, id, chance.randint(0, 4_000)), chance))
            for by in ("ann", "bob"):
                all.create_task(approving(by, chance.uniform(0, 2)))

    async def _do(self, asking: Asking, chance: random.Random | None = None) -> None:
        again = chance is not None and chance.random() < REPEATED
        for _ in range(2 if again else 1):
            try:
                self._recorder.add(await asking())
            except NoAnswer:
                return

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
