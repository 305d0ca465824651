"""The SQLite adapter: one file, a lock beside it, one connection that writes and one that reads."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, Usage
from perdure_runtime.storage.sqlite import reads
from perdure_runtime.storage.sqlite.commit import check_epoch, delete_deployment, insert_deployment, raise_epoch, write
from perdure_runtime.storage.sqlite.connection import Lock, configure, connect
from perdure_runtime.storage.sqlite.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.sqlite.schema import migrate, version_of

log = logging.getLogger(__name__)
T = TypeVar("T")


class SqliteStorage:
    """A partition in a SQLite file, as ``storage.api.Storage`` says.

    Two connections: the one that writes is busy for as long as a commit waits for the disk, and the loop must be able
    to read meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, and makes it where there is none. Its directory must be there.

        Raises StorageInUse while another process has it, StorageForeign where it is none of ours, StorageFailure.
        """
        # One lock for one file, whatever links lead to it.
        self.path = path.resolve()
        self._epoch = 0
        try:
            self._lock = Lock(self.path)
        except OSError as error:
            raise failure("opening the storage", self.path, error) from error
        try:
            self._writer, self._reader = _open(self.path)
        except sqlite3.Error as error:
            self._lock.release()
            raise failure("opening the storage", self.path, error) from error
        except BaseException:
            self._lock.release()
            raise
        self._closed = False

    def acquire(self) -> int:
        if not self._closed and self._writer.in_transaction:
            raise RuntimeError("acquire after stage: the batch before was not committed")
        try:
            self._epoch = raise_epoch(self._writer)
        except sqlite3.Error as error:
            raise failure("taking the partition", self.path, error) from error
        return self._epoch

    def load(self, document: Document) -> Content:
        try:
            return reads.load(self._reader, document)
        except (sqlite3.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(f"loading {document}", self.path, error) from error

    def stage(self, writes: Writes) -> None:
        if not self._closed and self._writer.in_transaction:
            raise RuntimeError("stage after stage: the batch before was not committed")
        self._transact(self._writer, lambda: write(self._writer, writes), "writing a batch")

    def commit(self) -> None:
        if not self._closed and not self._writer.in_transaction:
            raise RuntimeError("commit without stage: there is no batch to make durable")
        self._finish(self._writer, "committing a batch")

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        return self._read("scanning running invocations", lambda: reads.active(self._reader, after_id, limit))

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        return self._read("scanning timers", lambda: reads.timers(self._reader, from_ms, before_ms, limit))

    def expired(self, now_ms: int, limit: int) -> list[str]:
        return self._read("scanning ended invocations", lambda: reads.expired(self._reader, now_ms, limit))

    def add_deployment(self, deployment: DeploymentRow) -> None:
        # On the connection that reads: a batch may be staged on the other one.
        reader = self._reader
        self._transact(reader, lambda: insert_deployment(reader, deployment), "adding a deployment")
        self._finish(reader, "adding a deployment")

    def remove_deployment(self, deployment_id: str) -> None:
        reader = self._reader
        self._transact(reader, lambda: delete_deployment(reader, deployment_id), "removing a deployment")
        self._finish(reader, "removing a deployment")

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        return self._read(
            "scanning the work of a deployment", lambda: reads.in_flight(self._reader, deployment_id, limit)
        )

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return self._read("scanning ended invocations", lambda: reads.ended(self._reader, service, limit))

    def usage(self, service: str) -> Usage:
        return self._read("counting what a service has", lambda: reads.usage(self._reader, service))

    def deployments(self) -> list[DeploymentRow]:
        return self._read("reading deployments", lambda: reads.deployments(self._reader))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._reader.close()
            self._writer.close()
        finally:
            self._lock.release()

    def _read(self, doing: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except (sqlite3.Error, *UNREADABLE) as error:
            raise failure(doing, self.path, error) from error

    def _transact(self, connection: sqlite3.Connection, change: Callable[[], None], doing: str) -> None:
        """Leaves a transaction open with the change in it, or none and an error."""
        if self._epoch == 0:
            raise RuntimeError("acquire the partition before writing to it")
        try:
            connection.execute("BEGIN IMMEDIATE")
            # Under the lock of the transaction, so that nobody can take the partition before it ends.
            check_epoch(connection, self._epoch)
            change()
        except (sqlite3.Error, *UNFIT) as error:
            self._roll_back(connection)
            raise failure(doing, self.path, error) from error
        except BaseException:
            self._roll_back(connection)
            raise

    def _finish(self, connection: sqlite3.Connection, doing: str) -> None:
        """Makes the open transaction durable, or undoes it."""
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(connection)
            raise failure(doing, self.path, error) from error

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        # SQLite has rolled back by itself after some errors.
        if self._closed or not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The error that led here is the one to report; the next batch meets whatever is still wrong.
            log.warning("a rollback failed on %s", self.path, exc_info=True)


def _open(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    writer = connect(path)
    try:
        # Before anything is written: a file of another program stays as it is.
        version = version_of(writer, path)
        configure(writer)
        migrate(writer, version)
        reader = connect(path)
        configure(reader)
    except BaseException:
        writer.close()
        raise
    return writer, reader
