"""An event loop whose time is a number: it jumps to the next timer whenever nothing else is left to do.

Callbacks run in the order in which asyncio runs them. Chance belongs into what is simulated: the network, the disk,
the faults. So a run depends on its seed alone, and an hour of waiting costs nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")

# What a busy moment needs is a few hundred.
MOST_TURNS = 20_000


class Quiet(Exception):
    """Nothing is ready and no timer is set: whoever still waits will wait for ever."""


class Livelock(Exception):
    """Callbacks follow each other without end, and time stands still."""


class _Clockwork:
    """Stands where a selector would: there are no sockets, so all it can do is to let time pass."""

    def __init__(self, advance: Callable[[float | None], None]) -> None:
        self._advance = advance
        self._turns = 0

    def select(self, timeout: float | None) -> list[object]:
        """Time passes."""
        if timeout == 0:
            self._turns += 1
            if self._turns > MOST_TURNS:
                raise Livelock(f"time has stood still for {MOST_TURNS} turns of the loop")
            return []
        self._turns = 0
        self._advance(timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without sockets and threads, on virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._selector = _Clockwork(self._advance)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def _advance(self, timeout: float | None) -> None:
        if timeout is None:
            raise Quiet("every task waits for something that nothing will ever do")
        self._now_s += timeout

    def _process_events(self, event_list: list[object]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody is asleep who could be woken."""


def run(main: Coroutine[object, object, T]) -> T:
    """Runs to the end on a loop of its own, and leaves nothing behind."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        _finish(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _finish(loop: VirtualLoop) -> None:
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
