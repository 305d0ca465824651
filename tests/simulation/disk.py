"""The databases as nodes reach them: commits take time and fail, reads fail, a node is cut off from them for a while.

What was on its way when a node was killed, or cut off, may have been kept.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from random import Random
from typing import TypeVar

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, Parcel, StaleEpoch, StorageFailure
from perdure_runtime.storage.memory import MemoryStorage, Rows
from perdure_runtime.storage.partitions import partitions_of

from tests.simulation.loop import outside

T = TypeVar("T")

COMMIT_TAKES_S = (0.0, 0.0002, 0.001, 0.004)
CALL_TAKES_S = (0.0002, 0.001, 0.004)


class Trouble:
    """What is wrong with the databases for now; all nodes share it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.failing_commits = 0
        self.failing_reads = 0
        self.slow_commits = 0
        self.slow_s = 0.0
        self.slow_calls = 0
        self.away_until_s = 0.0

    def end(self) -> None:
        """From now on nothing is wrong."""
        self.failing_commits = self.failing_reads = self.slow_commits = self.slow_calls = 0
        self.away_until_s = 0.0

    def commit_takes_s(self) -> float:
        """How long the next commit takes."""
        if self.slow_commits:
            self.slow_commits -= 1
            return self.slow_s
        return self.random.choice(COMMIT_TAKES_S)

    def call_takes_s(self) -> float:
        """How long one way of the next call about leases takes."""
        if self.slow_calls:
            self.slow_calls -= 1
            return self.slow_s
        return self.random.choice(CALL_TAKES_S) * self.random.random()

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


class Access:
    """One node's way to the databases."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.cut_until_s = 0.0
        self.alive = True

    def is_cut(self) -> bool:
        """Whether nothing comes through now."""
        return asyncio.get_running_loop().time() < max(self.cut_until_s, self.trouble.away_until_s)

    def refuse(self) -> None:
        """Raises StorageFailure while nothing comes through, and for ever where the node is gone."""
        if not self.alive or self.is_cut():
            raise StorageFailure("the database does not answer")

    def refuse_read(self) -> None:
        """Raises StorageFailure where a read is to fail."""
        self.refuse()
        self.trouble.refuse_read()


class SimulatedStorage(MemoryStorage):
    """One node's storage over rows that other nodes open too."""

    def __init__(self, rows: Rows, access: Access, on_durable: Callable[[Writes], None]) -> None:
        super().__init__(rows, shared=True)
        self._access = access
        self._on_durable = on_durable

    def load(self, document: Document) -> Content:
        """A read, which may fail."""
        self._access.refuse_read()
        return super().load(document)

    def active(self, partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        """A read, which may fail."""
        self._access.refuse_read()
        return super().active(partitions, after_id, limit)

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """A read, which may fail."""
        self._access.refuse_read()
        return super().timers(from_ms, before_ms, limit)

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        """A read, which may fail."""
        self._access.refuse_read()
        return super().outbox(partitions)

    def inbound(self, destinations: Collection[int]) -> list[Parcel]:
        """A read, which may fail."""
        self._access.refuse_read()
        return super().inbound(destinations)

    def arrived(self, channels: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """A read, which may fail."""
        self._access.refuse_read()
        return super().arrived(channels)

    def deployments(self) -> list[DeploymentRow]:
        """A read, which comes through or not."""
        self._access.refuse()
        return super().deployments()

    def commit(self) -> None:
        """Keeps the batch that is staged."""
        writes = self._staged
        super().commit()
        if writes is not None:
            self._on_durable(writes)

    async def make_durable(self) -> None:
        """Commits what is staged, in the time of the database."""
        trouble = self._access.trouble
        takes_s = trouble.commit_takes_s()
        try:
            await asyncio.sleep(takes_s * trouble.random.random())
            if not self._access.alive:
                raise StorageFailure("the node is gone")
            trouble.refuse_commit()
            if self._access.is_cut():
                self._lose_answer()
        except StorageFailure:
            self._staged = None
            raise
        self.commit()
        await asyncio.sleep(takes_s * trouble.random.random())

    def crash(self, keep: bool) -> None:
        """The node is gone; ``keep`` says whether the database got a batch that was under way."""
        if keep and self._staged is not None and not self._closed:
            with suppress(StaleEpoch):
                self.commit()
        self._staged = None

    def _lose_answer(self) -> None:
        if self._access.trouble.random.random() < 0.5:
            with suppress(StaleEpoch):
                self.commit()
        raise StorageFailure("the database was lost while it committed a batch, which it may have kept")


class Commits:
    """Makes batches durable in their own time: a node is told a while after the database has them."""

    def __init__(self, storages: Sequence[SimulatedStorage]) -> None:
        """All of a batch is in one of these."""
        self._storages = storages

    async def commit(self, writes: Writes) -> None:
        """Returns when the writes are durable."""
        storage = self._storages[0]
        if len(self._storages) > 1:
            storage = self._storages[min(partitions_of(writes, storage.placement)) % len(self._storages)]
        storage.stage(writes)
        # What has come to the database goes on there, even where the node is frozen meanwhile.
        await asyncio.get_running_loop().create_task(storage.make_durable(), context=outside())

    def close(self) -> None:
        """There is no thread to wait for."""


class SimulatedThread:
    """Where a keeper calls its database. Implements ``membership.thread.Thread``."""

    def __init__(self, access: Access, on_done: Callable[[], None]) -> None:
        """``on_done`` is told when the database has done something."""
        self._access = access
        self._on_done = on_done
        self._one_at_a_time = asyncio.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns; the database may have done it though it fails."""
        async with self._one_at_a_time:
            return await asyncio.get_running_loop().create_task(self._call(call), context=outside())

    def close(self) -> None:
        """There is no thread to wait for."""

    async def _call(self, call: Callable[[], T]) -> T:
        trouble = self._access.trouble
        await asyncio.sleep(trouble.call_takes_s())
        self._access.refuse()
        result = call()
        self._on_done()
        await asyncio.sleep(trouble.call_takes_s())
        self._access.refuse()
        return result
