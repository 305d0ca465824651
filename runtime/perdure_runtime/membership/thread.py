"""Where calls block that wait for a database: not in the thread of the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")


class Thread(Protocol):
    """Makes blocking calls, one after the other."""

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns, or raises."""

    def close(self) -> None:
        """Waits for a call under way."""


class OwnThread:
    """A thread for the calls of one keeper. Implements ``Thread``."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="perdure-lease")

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns, or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """Waits for a call under way."""
        self._thread.shutdown()
