"""Async tests without a plugin for them."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import ParamSpec

from perdure.errors import UsageError

P = ParamSpec("P")


def durable(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Makes a test function of an ``async def`` one: it runs in an event loop of its own.

    Raises:
        UsageError: It is no ``async def``.
    """
    if not inspect.iscoroutinefunction(test):
        raise UsageError(f"@durable is for `async def` tests, and {getattr(test, '__name__', test)} is none")

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run
