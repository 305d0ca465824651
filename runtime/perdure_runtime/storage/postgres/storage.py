"""The PostgreSQL adapter: a node's partitions of a database that many nodes share.

It has one connection to write, one to read, one for deployments and definitions, and some for surveys.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psycopg

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Parcel, StaleEpoch, StorageFailure
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.owned import Owned
from perdure_runtime.storage.partitions import Partitions
from perdure_runtime.storage.postgres import ownership, schema
from perdure_runtime.storage.postgres.batch import statements_of
from perdure_runtime.storage.postgres.connection import Link
from perdure_runtime.storage.postgres.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.postgres.migrations import BROKEN
from perdure_runtime.storage.postgres.reads import Reads
from perdure_runtime.storage.postgres.records import PostgresRecords
from perdure_runtime.storage.postgres.statements import Parameters

T = TypeVar("T")

# The thread of the event loop waits for reads: for longer than this all else of the node must not.
READ_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class _Staged:
    """A batch, and the epochs of the partitions that it touches as they were when it was staged."""

    statements: Sequence[tuple[str, Parameters]]
    epochs: Mapping[int, int]


class PostgresStorage(PostgresRecords):
    """Partitions in a PostgreSQL database, as ``storage.api`` says of ``Storage``, ``Registry``, ``Survey`` and
    ``Fallback``.

    ``stage`` only prepares; what it cannot see, such as another owner, is for ``commit`` to tell. Where the connection
    is lost in a commit, the storage finds out what became of it before it says or reads anything.
    """

    def __init__(
        self,
        url: str,
        node_id: str,
        partitions: int | None = None,
        databases: int = 1,
        database: int = 0,
        codec: PayloadCodec | None = None,
    ) -> None:
        """Connects, and makes the tables where there are none.

        Without a number of partitions it is what the database was made for, or that of ``schema.PARTITIONS``. Of
        ``databases`` this one, number ``database``, has the partitions that leave this rest. No older process can write
        as this node any more. Raises StorageForeign where the tables are none of ours, or were made for other numbers;
        StorageFailure.
        """
        super().__init__(url, codec)
        self._node_id = node_id
        # Whether nobody knows what became of the last batch.
        self._in_doubt = False
        self._staged: _Staged | None = None
        self._writer, self._reader = Link(self._address), Link(self._address, READ_WITHIN_S)
        try:
            part = schema.prepare(self._writer.connection(), self.name, partitions, databases, database)
            ((number,),) = self._writer.transact(ownership.beginning(node_id))
        except psycopg.Error as error:
            self._writer.close()
            raise failure("opening the storage", self.name, error) from error
        except BaseException:
            self._writer.close()
            raise
        self._placement = self._known = Placement(part.partitions)
        # The number of the last batch that was sent.
        self._batch = int(number)
        self._owned = Owned(self._placement)

    @property
    def placement(self) -> Placement:
        return self._placement

    def acquire(self) -> dict[int, int]:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("acquire after stage: the batch before was not committed")
        try:
            rows = self._writer.use(lambda _: self._writer.transact(ownership.taking_all(self._node_id)))
        except psycopg.Error as error:
            raise failure("taking the partitions", self.name, error) from error
        epochs = {int(partition): int(epoch) for partition, epoch in sorted(rows)}
        self._owned.set(epochs)
        return epochs

    def own(self, epochs: Mapping[int, int]) -> None:
        self._owned.set(epochs)

    def load(self, document: Document) -> Content:
        self._refuse_closed()
        doing = f"loading {document}"
        try:
            self._owned.refuse(document)
        except UNFIT as error:
            raise failure(doing, self.name, error) from error
        return self._read(doing, lambda reads: reads.load(document))

    def stage(self, writes: Writes) -> None:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("stage after stage: the batch before was not committed")
        self._owned.refuse_unowned()
        partitions = Partitions(self._placement)
        try:
            statements = statements_of(writes, partitions, self._codec)
        except UNFIT as error:
            raise failure("writing a batch", self.name, error) from error
        self._staged = _Staged(statements, self._owned.epochs(partitions.touched))

    def commit(self) -> None:
        self._refuse_closed()
        if self._staged is None:
            raise RuntimeError("commit without stage: there is no batch to make durable")
        staged, self._staged = self._staged, None
        try:
            self._settle()
            # A connection that somebody cut while there was nothing to do costs another try, and no more.
            kept = self._send(staged) or self._send(staged)
        except psycopg.Error as error:
            raise self._refusal(staged, error) from error
        if not kept:
            raise StorageFailure(
                f"committing a batch failed on {self.name}: its connection was lost twice; nothing of it was kept"
            )

    def active(self, partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        return self._scan(
            partitions, "scanning running invocations", lambda reads: reads.active(partitions, after_id, limit)
        )

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        owned = self._owned.partitions
        return self._scan(owned, "scanning timers", lambda reads: reads.timers(owned, from_ms, before_ms, limit))

    def expired(self, now_ms: int, limit: int) -> list[str]:
        owned = self._owned.partitions
        return self._scan(owned, "scanning ended invocations", lambda reads: reads.expired(owned, now_ms, limit))

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        return self._scan(partitions, "reading the outbox", lambda reads: reads.outbox(partitions))

    def inbound(self, destinations: Collection[int]) -> list[Parcel]:
        return self._survey("reading messages", lambda reads: reads.inbound(destinations))

    def arrived(self, channels: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
        return self._survey("reading which messages have arrived", lambda reads: reads.arrived(channels))

    def close(self) -> None:
        self._staged = None
        super().close()
        for link in (self._reader, self._writer):
            link.close()

    def _send(self, staged: _Staged) -> bool:
        """Whether a batch was kept; false where its connection was lost, and the database says that it was not."""
        # Where there is no connection to begin with, there is nothing to be in doubt about.
        self._writer.connection()
        self._batch += 1
        try:
            self._writer.transact([*ownership.batch(self._node_id, self._batch, staged.epochs), *staged.statements])
        except psycopg.Error:
            if self._writer.is_open:
                raise
            try:
                return self._was_kept()
            except psycopg.Error:
                self._in_doubt = True
                raise
        return True

    def _settle(self) -> None:
        """Finds out what became of the last batch, where that is not known: nothing may be read or written before."""
        if self._in_doubt:
            self._was_kept()
            self._in_doubt = False

    def _was_kept(self) -> bool:
        kept = ownership.was_kept(self._writer.connection(), self._node_id, self._batch)
        # Its number and the one that keeps it away are used up.
        self._batch += 1
        return kept

    def _scan(self, partitions: Collection[int], doing: str, read: Callable[[Reads], list[T]]) -> list[T]:
        # A node whose lease is over has none, and must not wait for a database that may not answer.
        return self._read(doing, read) if partitions else []

    def _read(self, doing: str, read: Callable[[Reads], T]) -> T:
        self._refuse_closed()
        try:
            self._settle()
            return self._reader.use(lambda connection: read(Reads(connection, self._placement, self._codec)))
        except (psycopg.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(doing, self.name, error) from error

    def _refusal(self, staged: _Staged, error: psycopg.Error) -> StorageFailure | StaleEpoch:
        """What a failure to commit means."""
        doing = "committing a batch"
        if error.sqlstate == BROKEN and staged.epochs:
            try:
                lost = self._writer.use(lambda connection: ownership.lost(connection, staged.epochs))
                last = self._writer.use(lambda connection: ownership.last(connection, self._node_id))
            except psycopg.Error as unknown:
                return failure(doing, self.name, unknown)
            if last is None or last >= self._batch:
                # Another process writes as this node: it has all that this one had.
                return StaleEpoch(staged.epochs)
            if lost:
                return StaleEpoch(lost)
        return failure(doing, self.name, error)
