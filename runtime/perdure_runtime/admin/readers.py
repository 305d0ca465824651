"""Threads that read storage for operators: few, and their own, so that many who look take nothing from calls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 4


class Readers:
    """Runs what blocks."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="admin")

    async def run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``read`` returns or raises; it waits while others are read."""
        task = partial(copy_context().run, read, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, task)
