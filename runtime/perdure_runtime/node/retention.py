"""Forgets ended invocations once their retention is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from perdure_runtime.partition.input import Input, Purge
from perdure_runtime.storage.api import Storage, StorageFailure

EVERY_S = 10.0
# A small page a commit: a backlog of purges must not hold up calls.
PAGE = 500

log = logging.getLogger(__name__)


async def sweep(
    storage: Storage, offer: Callable[[Input], None], flush: Callable[[], Awaitable[None]], clock_ms: Callable[[], int]
) -> None:
    """Purges until cancelled."""
    before: list[str] = []
    while True:
        try:
            expired = storage.expired(clock_ms(), PAGE)
            for invocation_id in expired:
                offer(Purge(invocation_id))
            if expired:
                await flush()
        except StorageFailure as failure:
            # The partition starts over; what has expired is found again.
            log.warning("forgetting ended invocations failed: %s; next try in %g s", failure, EVERY_S)
            expired = []
        # The same page again is held: cancelled callers have yet to be given these results.
        if len(expired) < PAGE or expired == before:
            await asyncio.sleep(EVERY_S)
        before = expired
