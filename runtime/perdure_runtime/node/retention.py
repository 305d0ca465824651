"""Forgets ended invocations once their retention is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from perdure_runtime.partition.input import Input, Purge
from perdure_runtime.peer.port import Moved
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
        except (StorageFailure, Moved) as failure:
            # The partitions are loaded again; what has expired is found again.
            log.warning("forgetting ended invocations failed: %s; next try in %g s", failure, EVERY_S)
            expired = []
        # The same page again could not be forgotten, as where its partitions are on their way to another node.
        if len(expired) < PAGE or expired == before:
            await asyncio.sleep(EVERY_S)
        before = expired
