"""How a test waits: for the end of calls, and for time, which passes only when nothing else can happen."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

from perdure.errors import JournalMismatch, UsageError

from perdure_runtime.node.node import Node
from perdure_runtime.partition.input import Purge
from perdure_runtime.partition.rows import LAST_MS, Paused
from perdure_runtime.storage.memory import MemoryStorage
from perdure_runtime.testing.clock import TestClock, at
from perdure_runtime.testing.errors import HandlerFailed, NothingMoves
from perdure_runtime.testing.record import Record, Recorded
from perdure_runtime.testing.transport import TestTransport
from perdure_runtime.testing.waits import all_waits, waited_for

T = TypeVar("T")

# Other tasks of the test get so many turns to do something before time passes.
TURNS = 20
# When nothing moves any more, they get so long to do something before the call that waits gives up.
STILL_S = 0.25
PURGE_PAGE = 10_000


class Pace:
    """Waits for one runtime, and moves its clock."""

    def __init__(
        self,
        node: Node,
        storage: MemoryStorage,
        clock: TestClock,
        record: Record,
        transport: TestTransport,
        *,
        jumps: bool,
        patience: timedelta,
    ) -> None:
        self._node = node
        self._storage = storage
        self._clock = clock
        self._record = record
        self._transport = transport
        self._jumps = jumps
        self._patience = patience
        self._skipping = 0
        # Mismatches that some call has raised already.
        self.told: set[str] = set()

    async def end_of(self, invocation_id: str, end: Awaitable[T]) -> T:
        """Waits for the end of an invocation; time passes when nothing else can happen.

        Raises NothingMoves, HandlerFailed, JournalMismatch.
        """
        ended = asyncio.ensure_future(end)
        gives_up_at = self._deadline()
        try:
            while not ended.done():
                changed = self._record.changed
                self._raise_trouble(invocation_id)
                quiet = await self._is_quiet()
                if ended.done():
                    break
                if quiet and self._jumps and not self._skipping and (due_ms := self._next_due_ms()) is not None:
                    self._move(due_ms)
                elif not await self._moved(ended, changed, STILL_S if quiet else self._left(gives_up_at)):
                    raise self._stuck(quiet)
                elif self._left(gives_up_at) == 0:
                    raise self._stuck(quiet=False)
        finally:
            if not ended.done():
                ended.cancel()
        return await ended

    async def settle(self) -> None:
        """Waits until nothing can happen before time passes. Raises NothingMoves."""
        gives_up_at = self._deadline()
        while True:
            changed = self._record.changed
            if await self._is_quiet():
                return
            if not await self._moved(None, changed, self._left(gives_up_at)):
                raise self._stuck(quiet=False)

    async def skip(self, duration: timedelta) -> None:
        """Lets time pass, and what is due on the way happen at its time. Raises UsageError, NothingMoves."""
        if duration < timedelta(0):
            raise UsageError(f"skip({duration!r}): time does not run backwards")
        target_ms = self._clock.now_ms + duration // timedelta(milliseconds=1)
        self._skipping += 1
        try:
            await self.settle()
            while (due_ms := self._next_due_ms()) is not None and due_ms <= target_ms:
                self._move(due_ms)
                await self.settle()
            self._move(target_ms)
            await self.settle()
        finally:
            self._skipping -= 1

    async def skip_to_next_timer(self) -> None:
        """Lets time pass until something is due, and lets that happen. Raises UsageError, NothingMoves."""
        self._skipping += 1
        try:
            await self.settle()
            due_ms = self._next_due_ms()
            if due_ms is None:
                raise UsageError(
                    "skip_to_next_timer(): nothing waits for time\n" + all_waits(self._record, self._storage.rows)
                )
            self._move(due_ms)
            await self.settle()
        finally:
            self._skipping -= 1

    def untold(self) -> JournalMismatch | None:
        """A mismatch that no call has raised."""
        for invocation_id in self._record.troubled - self.told:
            error = self._transport.failures.get(invocation_id)
            if isinstance(error, JournalMismatch):
                return error
        return None

    def _raise_trouble(self, invocation_id: str) -> None:
        if not self._record.troubled:
            return
        for each in waited_for(self._record, self._storage.rows, invocation_id):
            if each.row.id in self._record.troubled:
                self.told.add(each.row.id)
                raise self._trouble(each)

    def _trouble(self, recorded: Recorded) -> Exception:
        row = recorded.row
        error = self._transport.failures.get(row.id)
        if error is None:
            return HandlerFailed(recorded.label, row.id, row.last_error, "")
        if isinstance(error, HandlerFailed):
            what = "is paused" if isinstance(row.status, Paused) else f"has failed {row.failures} times in a row"
            error.add_note(f"{recorded.label} ({row.id}) {what}; with retries=False the first failure is raised")
        return error

    async def _is_quiet(self) -> bool:
        """Whether nothing can happen before time passes, or somebody outside does something."""
        inputs = self._node.loop.inputs
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self._node.loop.flush()
        due_ms = self._next_due_ms()
        return (
            self._node.loop.inputs == inputs
            and not self._storage.active((0,), "", 1)
            and (due_ms is None or due_ms > self._clock.now_ms)
        )

    def _next_due_ms(self) -> int | None:
        timers = self._storage.timers(0, LAST_MS + 1, 1)
        return timers[0].due_ms if timers else None

    def _move(self, to_ms: int) -> None:
        self._clock.move(to_ms)
        self._node.clock_moved()
        # The node looks for what it may forget every few seconds of real time, which hardly pass in a test.
        for invocation_id in self._storage.expired(self._clock.now_ms, PURGE_PAGE):
            self._node.loop.offer(Purge(invocation_id))

    async def _moved(self, ended: "asyncio.Future[T] | None", changed: asyncio.Event, for_s: float) -> bool:
        """Whether something happened within this time."""
        change = asyncio.ensure_future(changed.wait())
        broken = asyncio.ensure_future(self._node.failed())
        waits: list[asyncio.Future[Any]] = [change, broken] if ended is None else [change, broken, ended]
        try:
            done, _ = await asyncio.wait(waits, timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
            broken.cancel()
        if broken in done:
            broken.result()
        return bool(done)

    def _stuck(self, quiet: bool) -> NothingMoves:
        waits = all_waits(self._record, self._storage.rows)
        now, due_ms = at(self._clock.now_ms), self._next_due_ms()
        if not quiet:
            return NothingMoves(
                f"nothing has come of it in {self._patience.total_seconds():g} s of real time (patience=); "
                f"the clock of the test shows {now}:\n{waits}"
            )
        hint = "nothing that is due later could change that"
        if due_ms is not None:
            wait = timedelta(milliseconds=due_ms - self._clock.now_ms)
            hint = f"which is moved by hand: await runtime.skip({wait!r})"
        return NothingMoves(f"this would wait for ever; the clock of the test shows {now}, {hint}:\n{waits}")

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._patience.total_seconds()

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - asyncio.get_running_loop().time())
