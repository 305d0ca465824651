"""The loop of one partition: inputs in, applied in order, committed in batches, effects out.

While a batch commits the next one forms. What an effect waits for is the rule of ``partition.effect``: an attempt may
see results before they are durable; a step starts once all that its attempt was told is; the world hears of a batch
only after its commit.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from perdure_runtime.node.batch import Batch
from perdure_runtime.partition.effect import (
    Abort,
    Accept,
    Accepted,
    Answer,
    Effect,
    Grant,
    Notify,
    NotifyCancelled,
    Refused,
    Start,
)
from perdure_runtime.partition.input import Command, Input, Submit
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.loading import LoadingView
from perdure_runtime.partition.machine import apply
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import IdempotencyKey, Invocation, Timer
from perdure_runtime.partition.view import InvocationDocument, NotLoaded
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage, StorageFailure

# So many inputs in a row, then sockets get their turn.
MAX_INPUTS_A_TURN = 256
RECOVERY_PAGE = 1_000
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """An input that somebody waits for to be durable."""

    input: Input
    barrier: "asyncio.Future[None]"


class Shell(Protocol):
    """What the loop moves: all methods return at once."""

    def act(self, effect: Effect) -> None:
        """Does what the partition asks for."""

    def set_timers(self, timers: Mapping[Timer, bool]) -> None:
        """Timers were set (true) or cleared."""

    def lose(self, reason: str) -> None:
        """All that was not durable is gone: attempts must stop, and callers hear that they were not accepted."""

    def refuse(self, input: Input, error: Exception) -> None:
        """An input could not be applied; nothing of it happened."""


class Committer(Protocol):
    """How a batch becomes durable without holding up the loop."""

    async def commit(self, writes: Writes) -> None:
        """Returns when the writes are durable. Raises StorageFailure when none of them is."""

    def close(self) -> None:
        """Waits for a commit under way."""


class PartitionLoop:
    """Applies inputs to one partition. All methods belong to the event loop's thread."""

    def __init__(self, storage: Storage, committer: Committer, shell: Shell, clock_ms: Callable[[], int]) -> None:
        self._storage = storage
        self._committer = committer
        self._shell = shell
        self._clock_ms = clock_ms
        self._forget()
        self._inputs: deque[Input | Asked | asyncio.Future[None]] = deque()
        self._forming = Batch()
        self._committing: Batch | None = None
        self._turn: asyncio.Handle | None = None
        self._work = asyncio.Event()
        self._pause_s = FIRST_PAUSE_S
        self._closed = False
        self.failure = ""
        self.commits = 0
        self.inputs = 0

    def offer(self, input: Input) -> None:
        """Applies an input soon, after all that were offered before it."""
        self._enqueue(input)

    def submit(self, submit: Submit) -> None:
        """Offers a call whose id was minted for it just now, and so is new to storage."""
        self._memory.know_new(submit.id)
        self.offer(submit)

    def stored(self, invocation_id: str) -> Invocation | None:
        """The durable row of an invocation."""
        document = self._storage.load(InvocationDocument(invocation_id))
        return document if isinstance(document, Invocation) else None

    def latest(self, invocation_id: str) -> Invocation | None:
        """The row of an invocation as the next input will find it, durable or not."""
        try:
            return self._memory.invocation(invocation_id)
        except NotLoaded:
            return self.stored(invocation_id)

    def journal(self, invocation_id: str) -> Journal:
        """The journal of an invocation as the next input will find it, durable or not."""
        try:
            return self._memory.journal(invocation_id)
        except NotLoaded as missing:
            entries = self._storage.load(missing.document)
            return Journal(entries if isinstance(entries, list) else ())

    def named(self, key: IdempotencyKey) -> str | None:
        """The invocation that an idempotency key names, as the next input will find it."""
        try:
            return self._memory.idempotent(key)
        except NotLoaded as missing:
            named = self._storage.load(missing.document)
            return named if isinstance(named, str) else None

    @property
    def in_memory(self) -> int:
        """How many invocations are in memory: those that run, and those whose last writes are on their way."""
        return self._memory.invocations

    def pending(self) -> list[Writes]:
        """What has been applied and is not durable, in order."""
        batches = [self._committing, self._forming] if self._committing is not None else [self._forming]
        return [batch.writes for batch in batches]

    async def run(self) -> None:
        """Commits until cancelled. Raises StaleEpoch when another node has taken the partition."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._forming or self.failure:
                if self.failure:
                    await self._start_over(self.failure)
                else:
                    await self._commit()

    async def flush(self) -> None:
        """Waits until all that was offered before is durable. Raises StorageFailure when it is lost instead."""
        barrier: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(barrier)
        await barrier

    async def ask(self, input: Input) -> None:
        """Applies an input and waits until it is durable. Raises StorageFailure where it is not."""
        asked = Asked(input, asyncio.get_running_loop().create_future())
        self._enqueue(asked)
        await asked.barrier

    def close(self) -> None:
        """Tells all who wait for something to be durable that it never will be, as far as this node knows."""
        self._closed = True
        self._drop_waiting("the node stops")

    async def recover(self) -> None:
        """Starts again what was running when the partition was last in memory."""
        after = ""
        while page := self._storage.active(after, RECOVERY_PAGE):
            for lost in recover(page):
                self.offer(lost)
            after = page[-1].id
            await asyncio.sleep(0)

    def _forget(self) -> None:
        self._memory = Memory()
        self._view = LoadingView(self._memory, lambda document: self._storage.load(document))

    def _enqueue(self, item: "Input | Asked | asyncio.Future[None]") -> None:
        if not self._closed:
            self._inputs.append(item)
            self._plan_turn()
        elif isinstance(item, Asked):
            _refuse(item.barrier, "the node stops")
        elif isinstance(item, asyncio.Future):
            _refuse(item, "the node stops")
        else:
            self._shell.refuse(item, StorageFailure("the node stops"))

    def _plan_turn(self) -> None:
        # While the partition is loaded again, what comes in waits.
        if self._turn is None and self._inputs and not self.failure:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        if self.failure:
            return
        now_ms = self._clock_ms()
        try:
            for _ in range(MAX_INPUTS_A_TURN):
                if not self._inputs or self.failure:
                    break
                item = self._inputs.popleft()
                if isinstance(item, asyncio.Future):
                    self._forming.barriers.append(item)
                elif not isinstance(item, Asked):
                    self._apply(item, now_ms)
                elif (refused := self._apply(item.input, now_ms)) is None:
                    self._forming.barriers.append(item.barrier)
                else:
                    _refuse(item.barrier, f"{type(refused).__name__}: {refused}")
        finally:
            self._plan_turn()
            if (self._forming or self.failure) and self._committing is None:
                self._work.set()

    def _apply(self, input: Input, now_ms: int) -> Exception | None:
        """Decides an input, and says why where it could not be decided."""
        self.inputs += 1
        try:
            step = apply(self._view, input, now_ms)
        except Exception as error:
            if isinstance(error, StorageFailure) and self._pause_s == FIRST_PAUSE_S:
                # An attempt says its last word once: without it its invocation would run for ever.
                log.error("a read failed: %s; the partition is loaded again from storage", error)
                self.failure = str(error)
            else:
                # A bug, or a row that cannot be read even then, must cost this input alone, and be seen.
                log.exception("refused %s", type(input).__name__)
                self._shell.refuse(input, error)
            return error
        finally:
            if isinstance(input, Submit):
                self._memory.visit(input.id)
        self._memory.absorb(step.writes)
        self._forming.writes.merge(step.writes)
        if isinstance(input, Command) and input.entry.HasField("awakeable"):
            # Its id is chance of this attempt. A step may tell it to the world, and then it must be found.
            self._forming.told.add(input.invocation_id)
        if step.writes.timers:
            self._shell.set_timers(step.writes.timers)
        for effect in step.effects:
            self._dispatch(effect)
        return None

    def _dispatch(self, effect: Effect) -> None:
        match effect:
            case Start():
                self._forming.told.add(effect.invocation.id)
                self._shell.act(effect)
            case Notify() | NotifyCancelled() | Accept():
                self._forming.told.add(effect.invocation_id)
                self._shell.act(effect)
            case Abort():
                self._shell.act(effect)
            case Grant():
                if effect.invocation_id in self._forming.told:
                    self._forming.effects.append(effect)
                elif self._committing is not None and effect.invocation_id in self._committing.told:
                    self._committing.effects.append(effect)
                else:
                    self._shell.act(effect)
            case Accepted() | Refused() | Answer():
                self._forming.effects.append(effect)

    async def _commit(self) -> None:
        batch, self._forming = self._forming, Batch()
        self._committing = batch
        try:
            if batch.writes:
                await self._committer.commit(batch.writes)
                self.commits += 1
        except StorageFailure as failure:
            log.error("a commit failed: %s; the partition is loaded again from storage", failure)
            await self._start_over(str(failure))
            return
        self._committing = None
        self._pause_s = FIRST_PAUSE_S
        self._memory.settle(batch.writes, self._forming.writes)
        for effect in batch.effects:
            self._shell.act(effect)
        for barrier in batch.barriers:
            if not barrier.done():
                barrier.set_result(None)

    def _drop_waiting(self, reason: str) -> None:
        """Forgets what is not durable, and says so to all who wait for that."""
        barriers = [item.barrier for item in self._inputs if isinstance(item, Asked)]
        barriers += [item for item in self._inputs if isinstance(item, asyncio.Future)]
        for batch in (self._committing, self._forming):
            barriers += batch.barriers if batch is not None else ()
        self._inputs.clear()
        self._forming, self._committing = Batch(), None
        for barrier in barriers:
            _refuse(barrier, reason)

    async def _start_over(self, reason: str) -> None:
        """The one way back: what was not durable is gone, and storage says how things are."""
        self.failure = reason
        self._forget()
        self._shell.lose(reason)
        self._drop_waiting(reason)
        # A disk that is full now may not be so soon; asking it at once again only fills the log.
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self.failure = ""
        try:
            await self.recover()
        except StorageFailure as failure:
            log.error("the partition could not be loaded: %s", failure)
            self.failure = str(failure)
        self._plan_turn()


def _refuse(barrier: "asyncio.Future[None]", reason: str) -> None:
    if not barrier.done():
        barrier.set_exception(StorageFailure(reason))
