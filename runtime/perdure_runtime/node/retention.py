"""Forgets ended invocations once their retention is over."""

import asyncio
from collections.abc import Awaitable, Callable

from perdure_runtime.partition.input import Input, Purge
from perdure_runtime.storage.api import Storage

EVERY_S = 10.0
# A small page a commit: a backlog of purges must not hold up calls.
PAGE = 500


async def sweep(
    storage: Storage, offer: Callable[[Input], None], flush: Callable[[], Awaitable[None]], clock_ms: Callable[[], int]
) -> None:
    """Purges until cancelled."""
    while True:
        expired = storage.expired(clock_ms(), PAGE)
        for invocation_id in expired:
            offer(Purge(invocation_id))
        if expired:
            await flush()
        if len(expired) < PAGE:
            await asyncio.sleep(EVERY_S)
