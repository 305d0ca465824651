"""Commits of a blocking storage, with its wait for the disk in a thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage


class ThreadedCommitter:
    """Writes rows on the loop's thread, and waits for the disk in another.

    A thread that executes a statement a row would have to win the interpreter's lock back from a busy loop after each
    of them; this way it does so once a batch.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="perdure-commit")

    async def commit(self, writes: Writes) -> None:
        """Returns when the writes are durable. Raises StorageFailure when none of them is."""
        self._storage.stage(writes)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._storage.commit)

    def close(self) -> None:
        """Waits for a commit under way."""
        self._thread.shutdown()
