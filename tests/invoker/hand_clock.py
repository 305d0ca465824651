"""An event loop whose clock the test moves on: what is to happen in ten minutes happens at once."""

import asyncio


class HandClock(asyncio.SelectorEventLoop):
    """Ahead of the real clock by what the test has moved it."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self._ahead_s

    def move(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead_s += seconds


async def pass_time(seconds: float) -> None:
    """Moves the clock on second by second, and lets all that is due meanwhile happen."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HandClock)
    for _ in range(int(seconds)):
        loop.move(1.0)
        # Some turns: what a timer wakes goes on in the turns after it.
        for _ in range(3):
            await asyncio.sleep(0)
