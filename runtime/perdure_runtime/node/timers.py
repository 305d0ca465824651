"""Timers: the near ones in memory, all of them in storage."""

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable, Mapping

from perdure_runtime.partition.input import Input, TimerDue
from perdure_runtime.partition.rows import LAST_MS, Timer
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage, StorageFailure

# Timers due within this time are in memory; a page of them is read ahead at most.
HORIZON_MS = 60_000
PAGE = 4_096
# So many timers at once, then other work gets its turn.
BURST = 256
# While endpoints are behind with what was started, a burst waits so long for them: new calls go first.
BREATH_S = 0.002
# The wall clock may be set: look at it at least this often.
LONGEST_SLEEP_S = 1.0

log = logging.getLogger(__name__)


class Timers:
    """Offers each timer to the partition when it is due, in order of time, never early."""

    def __init__(
        self,
        storage: Storage,
        offer: Callable[[Input], None],
        pending: Callable[[], Iterable[Writes]],
        clock_ms: Callable[[], int],
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        """``crowded`` tells that endpoints are behind with what was started."""
        self._storage = storage
        self._offer = offer
        self._pending = pending
        self._clock_ms = clock_ms
        self._crowded = crowded
        self._near: dict[Timer, None] = {}
        self._heap: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        # Timers due before this are all in memory.
        self._read_until_ms = 0
        self._wakeup = asyncio.Event()

    @property
    def near(self) -> int:
        """How many timers are in memory."""
        return len(self._near)

    def set(self, timers: Mapping[Timer, bool]) -> None:
        """Notes what a step set and cleared."""
        for timer, on in timers.items():
            if not on:
                self._near.pop(timer, None)
            elif timer.due_ms < self._read_until_ms and timer not in self._near:
                self._push(timer)
                if self._heap[0][2] is timer:
                    self._wakeup.set()

    def forget(self) -> None:
        """The partition is loaded again: so are its timers."""
        self._near.clear()
        self._heap.clear()
        self._read_until_ms = 0
        self._wakeup.set()

    def clock_moved(self) -> None:
        """The clock was set: looks at once for what is due."""
        self._wakeup.set()

    async def run(self) -> None:
        """Fires timers until cancelled."""
        while True:
            now_ms = self._clock_ms()
            try:
                more = self.look(now_ms) == BURST
            except StorageFailure as failure:
                log.error("reading timers failed: %s; next try in %g s", failure, LONGEST_SLEEP_S)
                await asyncio.sleep(LONGEST_SLEEP_S)
                continue
            if more:
                await asyncio.sleep(BREATH_S if self._crowded() else 0)
                continue
            next_ms = min(self._heap[0][0] if self._heap else LAST_MS, self._read_until_ms)
            self._wakeup.clear()
            try:
                async with asyncio.timeout(min(LONGEST_SLEEP_S, max(0.0, (next_ms - now_ms) / 1000))):
                    await self._wakeup.wait()
            except TimeoutError:
                pass  # It is time to look again.

    def look(self, now_ms: int) -> int:
        """Fires what is due, at most BURST of it, and returns how many timers it took up."""
        # Reading ahead ends at a page, so a crowded stretch of time is read in several.
        if now_ms + HORIZON_MS // 2 >= self._read_until_ms and len(self._heap) < PAGE:
            self._read(now_ms + HORIZON_MS)
        return self._fire(now_ms)

    def _push(self, timer: Timer) -> None:
        self._near[timer] = None
        self._sequence += 1
        heapq.heappush(self._heap, (timer.due_ms, self._sequence, timer))

    def _fire(self, now_ms: int) -> int:
        fired = 0
        while fired < BURST and self._heap and self._heap[0][0] <= now_ms:
            timer = heapq.heappop(self._heap)[2]
            if timer in self._near:
                del self._near[timer]
                self._offer(TimerDue(timer))
            fired += 1
        return fired

    def _read(self, until_ms: int) -> None:
        page = self._storage.timers(self._read_until_ms, until_ms, PAGE)
        if len(page) == PAGE:
            # All of the last millisecond may not be in the page; what is below it is.
            until_ms = max(page[-1].due_ms, self._read_until_ms + 1)
            page = self._storage.timers(self._read_until_ms, until_ms, None)
        self._read_until_ms = until_ms
        unsaved = [timer for writes in self._pending() for timer, on in writes.timers.items() if on]
        cleared = {timer for writes in self._pending() for timer, on in writes.timers.items() if not on}
        for timer in [*page, *unsaved]:
            if timer.due_ms < until_ms and timer not in self._near and timer not in cleared:
                self._push(timer)
