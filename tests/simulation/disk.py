"""The disk: commits take time and fail, reads fail, and a crash decides whether a batch under way was kept."""

import asyncio
from collections.abc import Callable
from random import Random

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.memory import MemoryStorage, Rows

COMMIT_TAKES_S = (0.0, 0.0002, 0.001, 0.004)


class Trouble:
    """What is wrong with the disk for now; all nodes share it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.failing_commits = 0
        self.failing_reads = 0
        self.slow_commits = 0
        self.slow_s = 0.0

    def end(self) -> None:
        """From now on nothing is wrong."""
        self.failing_commits = self.failing_reads = self.slow_commits = 0

    def commit_takes_s(self) -> float:
        """How long the next commit takes."""
        if self.slow_commits:
            self.slow_commits -= 1
            return self.slow_s
        return self.random.choice(COMMIT_TAKES_S)

    def refuse_commit(self) -> None:
        """Raises StorageFailure when the next commit is to fail."""
        if self.failing_commits:
            self.failing_commits -= 1
            raise StorageFailure("the disk is full")

    def refuse_read(self) -> None:
        """Raises StorageFailure when the next read is to fail."""
        if self.failing_reads:
            self.failing_reads -= 1
            raise StorageFailure("the disk has a bad sector")


class SimulatedStorage(MemoryStorage):
    """One node's storage over rows that other nodes open too."""

    def __init__(self, rows: Rows, trouble: Trouble, on_durable: Callable[[Writes], None]) -> None:
        # A database lets several nodes in; only its epoch keeps them apart.
        rows.in_use = False
        super().__init__(rows)
        self.trouble = trouble
        self._on_durable = on_durable

    def load(self, document: Document) -> Content:
        """A read, which may fail."""
        self.trouble.refuse_read()
        return super().load(document)

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        """A read, which may fail."""
        self.trouble.refuse_read()
        return super().active(after_id, limit)

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """A read, which may fail."""
        self.trouble.refuse_read()
        return super().timers(from_ms, before_ms, limit)

    def commit(self) -> None:
        """Keeps the batch that is staged."""
        writes = self._staged
        super().commit()
        if writes is not None:
            self._on_durable(writes)

    def drop(self) -> None:
        """Forgets the batch that is staged."""
        self._staged = None

    def crash(self, keep: bool) -> None:
        """The node is gone; ``keep`` says whether the disk got a batch that was under way."""
        if keep and self._staged is not None and not self._closed and self._epoch == self.rows.epoch:
            self.commit()
        self._staged = None
        self.close()


class Commits:
    """Makes batches durable in their own time: a node is told a while after the disk has them."""

    def __init__(self, storage: SimulatedStorage) -> None:
        self._storage = storage

    async def commit(self, writes: Writes) -> None:
        """Returns when the writes are durable."""
        trouble = self._storage.trouble
        takes_s = trouble.commit_takes_s()
        self._storage.stage(writes)
        try:
            await asyncio.sleep(takes_s * trouble.random.random())
            trouble.refuse_commit()
        except StorageFailure:
            self._storage.drop()
            raise
        self._storage.commit()
        await asyncio.sleep(takes_s * trouble.random.random())

    def close(self) -> None:
        """There is no thread to wait for."""
