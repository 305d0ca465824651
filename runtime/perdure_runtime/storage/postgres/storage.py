"""The PostgreSQL adapter: one partition of a database that many share, with one connection to write and one to read."""

from collections.abc import Callable
from typing import TypeVar

import psycopg

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, StaleEpoch, StorageFailure, Usage
from perdure_runtime.storage.postgres import ownership, schema
from perdure_runtime.storage.postgres.batch import adding, removing, statements_of
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.postgres.reads import Reads
from perdure_runtime.storage.postgres.statements import Parameters

T = TypeVar("T")


class PostgresStorage:
    """A partition in a PostgreSQL database, as ``storage.api.Storage`` says.

    ``stage`` only prepares; what it cannot see, such as another owner, is for ``commit`` to tell. Where the connection
    is lost in a commit, the storage finds out what became of it before it says or reads anything.
    """

    def __init__(self, url: str, partition: int = 0) -> None:
        """Connects, and makes the tables where there are none.

        Raises StorageForeign where they are none of ours, StorageFailure.
        """
        address = Address(url)
        self.name = f"{address.name} (partition {partition})"
        self._partition = partition
        self._epoch = 0
        # The number of the last batch that was sent, and whether nobody knows what became of it.
        self._batch = 0
        self._in_doubt = False
        self._staged: list[tuple[str, Parameters]] | None = None
        self._closed = False
        self._writer, self._reader = Link(address), Link(address)
        try:
            schema.prepare(self._writer.connection(), address.name)
        except psycopg.Error as error:
            self.close()
            raise failure("opening the storage", self.name, error) from error
        except BaseException:
            self.close()
            raise

    def acquire(self) -> int:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("acquire after stage: the batch before was not committed")
        try:
            epoch = self._writer.use(lambda connection: ownership.take(connection, self._partition))
        except psycopg.Error as error:
            raise failure("taking the partition", self.name, error) from error
        self._epoch, self._batch, self._in_doubt = epoch, 0, False
        return epoch

    def load(self, document: Document) -> Content:
        return self._read(f"loading {document}", lambda reads: reads.load(document))

    def stage(self, writes: Writes) -> None:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("stage after stage: the batch before was not committed")
        self._refuse_unowned()
        try:
            self._staged = statements_of(writes, self._partition)
        except UNFIT as error:
            raise failure("writing a batch", self.name, error) from error

    def commit(self) -> None:
        self._refuse_closed()
        if self._staged is None:
            raise RuntimeError("commit without stage: there is no batch to make durable")
        statements, self._staged = self._staged, None
        try:
            self._settle()
            # A connection that somebody cut while there was nothing to do costs another try, and no more.
            kept = self._send(statements) or self._send(statements)
        except psycopg.Error as error:
            raise self._refusal("committing a batch", error) from error
        if not kept:
            raise StorageFailure(
                f"committing a batch failed on {self.name}: its connection was lost twice; nothing of it was kept"
            )

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        return self._read("scanning running invocations", lambda reads: reads.active(after_id, limit))

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        return self._read("scanning timers", lambda reads: reads.timers(from_ms, before_ms, limit))

    def expired(self, now_ms: int, limit: int) -> list[str]:
        return self._read("scanning ended invocations", lambda reads: reads.expired(now_ms, limit))

    def add_deployment(self, deployment: DeploymentRow) -> None:
        self._write_beside("adding a deployment", adding(deployment, self._partition))

    def remove_deployment(self, deployment_id: str) -> None:
        self._write_beside("removing a deployment", removing(deployment_id, self._partition))

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        return self._read("scanning the work of a deployment", lambda reads: reads.in_flight(deployment_id, limit))

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return self._read("scanning ended invocations", lambda reads: reads.ended(service, limit))

    def usage(self, service: str) -> Usage:
        return self._read("counting what a service has", lambda reads: reads.usage(service))

    def deployments(self) -> list[DeploymentRow]:
        return self._read("reading deployments", lambda reads: reads.deployments())

    def close(self) -> None:
        self._closed = True
        self._staged = None
        self._reader.close()
        self._writer.close()

    def _send(self, statements: list[tuple[str, Parameters]]) -> bool:
        """Whether a batch was kept; false where its connection was lost, and the database says that it was not."""
        # Where there is no connection to begin with, there is nothing to be in doubt about.
        self._writer.connection()
        self._batch += 1
        try:
            self._writer.transact([ownership.next_batch(self._partition, self._epoch, self._batch), *statements])
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
        kept = ownership.was_kept(self._writer.connection(), self._partition, self._epoch, self._batch)
        # Its number and the one that keeps it away are used up.
        self._batch += 1
        return kept

    def _read(self, doing: str, read: Callable[[Reads], T]) -> T:
        self._refuse_closed()
        try:
            self._settle()
            return self._reader.use(lambda connection: read(Reads(connection, self._partition)))
        except (psycopg.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(doing, self.name, error) from error

    def _write_beside(self, doing: str, statement: tuple[str, Parameters]) -> None:
        """Writes what belongs to no batch, over the connection that reads: a commit may be under way on the other."""
        self._refuse_closed()
        self._refuse_unowned()
        try:
            self._reader.transact([ownership.still_ours(self._partition, self._epoch), statement])
        except psycopg.Error as error:
            raise self._refusal(doing, error) from error

    def _refusal(self, doing: str, error: psycopg.Error) -> StorageFailure | StaleEpoch:
        """What a failure to write means."""
        if error.sqlstate == schema.BROKEN:
            try:
                epoch, _ = self._reader.use(lambda connection: ownership.stored(connection, self._partition))
            except psycopg.Error as unknown:
                return failure(doing, self.name, unknown)
            if epoch != self._epoch:
                return StaleEpoch(self._epoch, epoch)
        return failure(doing, self.name, error)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageFailure(f"the storage on {self.name} is closed: open another one")

    def _refuse_unowned(self) -> None:
        if self._epoch == 0:
            raise RuntimeError("acquire the partition before writing to it")
