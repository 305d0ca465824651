"""The SQLite adapter: one file, a lock beside it, one connection that writes and one that reads."""

import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, Parcel, StorageFailure, Usage
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.owned import Owned
from perdure_runtime.storage.partitions import partitions_of
from perdure_runtime.storage.sqlite.commit import check_epochs, raise_epoch, write
from perdure_runtime.storage.sqlite.connection import Lock, configure, connect
from perdure_runtime.storage.sqlite.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.sqlite.reads import Reads
from perdure_runtime.storage.sqlite.registry import SqliteRegistry
from perdure_runtime.storage.sqlite.schema import Part, migrate, refuse_other_part, version_of
from perdure_runtime.storage.sqlite.survey import SqliteSurvey
from perdure_runtime.storage.views import Condition, View, ViewRow

# One file with one partition.
PLAIN = Placement()
log = logging.getLogger(__name__)
T = TypeVar("T")


class SqliteStorage:
    """Partitions in a SQLite file, as ``storage.api`` says of ``Storage``, and of ``Registry`` and ``Survey`` for this
    file alone.

    Two connections: the one that writes is busy for as long as a commit waits for the disk, and the loop must be able
    to read meanwhile.
    """

    def __init__(
        self,
        path: Path,
        placement: Placement = PLAIN,
        files: int = 1,
        file: int = 0,
        codec: PayloadCodec | None = None,
    ) -> None:
        """Opens the file, and makes it where there is none. Its directory must be there.

        It is number ``file`` of ``files``, and has the partitions that leave this rest. Raises StorageInUse while
        another process has it, StorageForeign where it is none of ours or another part of a cluster, StorageFailure.
        """
        # One lock for one file, whatever links lead to it.
        self.path = path.resolve()
        self._placement = placement
        self._all = frozenset(range(file, placement.partitions, files))
        self._owned = Owned(placement)
        # These have connections of their own: people wait for them in other threads.
        self._registry, self._survey = SqliteRegistry(self.path), SqliteSurvey(self.path, codec)
        self._codec = codec
        try:
            self._lock = Lock(self.path)
        except OSError as error:
            raise failure("opening the storage", self.path, error) from error
        try:
            self._writer, reader = _open(self.path, Part(placement.partitions, files, file))
        except sqlite3.Error as error:
            self._lock.release()
            raise failure("opening the storage", self.path, error) from error
        except BaseException:
            self._lock.release()
            raise
        self._reads = Reads(reader, codec)
        self._closed = False

    @property
    def placement(self) -> Placement:
        return self._placement

    def acquire(self) -> dict[int, int]:
        self._refuse_closed()
        if self._writer.in_transaction:
            raise RuntimeError("acquire after stage: the batch before was not committed")
        try:
            epoch = raise_epoch(self._writer)
        except sqlite3.Error as error:
            raise failure("taking the partitions", self.path, error) from error
        epochs = dict.fromkeys(sorted(self._all), epoch)
        self._owned.set(epochs)
        return epochs

    def own(self, epochs: Mapping[int, int]) -> None:
        self._owned.set(epochs)

    def load(self, document: Document) -> Content:
        self._refuse_closed()
        try:
            self._owned.refuse(document)
            return self._reads.load(document)
        except (sqlite3.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(f"loading {document}", self.path, error) from error

    def stage(self, writes: Writes) -> None:
        self._refuse_closed()
        if self._writer.in_transaction:
            raise RuntimeError("stage after stage: the batch before was not committed")
        due = self._owned.epochs(partitions_of(writes, self._placement))
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            # Under the lock of the transaction, so that nobody can take the partitions before it ends.
            check_epochs(self._writer, due)
            write(self._writer, writes, self._codec)
        except (sqlite3.Error, *UNFIT) as error:
            self._roll_back()
            raise failure("writing a batch", self.path, error) from error
        except BaseException:
            self._roll_back()
            raise

    def commit(self) -> None:
        self._refuse_closed()
        if not self._writer.in_transaction:
            raise RuntimeError("commit without stage: there is no batch to make durable")
        try:
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise failure("committing a batch", self.path, error) from error

    def active(self, partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        found: list[Invocation] = []
        while len(found) < limit:
            page = self._active(after_id, limit)
            found += (row for row in page if self._placement.of_invocation(row.id) in partitions)
            if len(page) < limit:
                break
            after_id = page[-1].id
        return found[:limit]

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        enough = limit if self._owns_all else None
        timers = self._read("scanning timers", lambda: self._reads.timers(from_ms, before_ms, enough))
        return self._of_owned(timers, lambda timer: timer.invocation_id)[:limit]

    def expired(self, now_ms: int, limit: int) -> list[str]:
        enough = limit if self._owns_all else None
        ids = self._read("scanning ended invocations", lambda: self._reads.expired(now_ms, enough))
        return self._of_owned(ids, str)[:limit]

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        return self._read("reading the outbox", lambda: self._reads.outbox(partitions))

    def add_deployment(self, deployment: DeploymentRow) -> None:
        self._refuse_closed()
        self._registry.add_deployment(deployment)

    def remove_deployment(self, deployment_id: str) -> None:
        self._refuse_closed()
        self._registry.remove_deployment(deployment_id)

    def deployments(self) -> list[DeploymentRow]:
        self._refuse_closed()
        return self._registry.deployments()

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        self._refuse_closed()
        return self._registry.move_deployment(deployment_id, old, new)

    def definitions(self, kind: str) -> dict[str, bytes]:
        self._refuse_closed()
        return self._registry.definitions(kind)

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        self._refuse_closed()
        self._registry.define(kind, name, content)

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        self._refuse_closed()
        return self._survey.in_flight(deployment_id, limit)

    def ended(self, service: str, limit: int) -> list[Invocation]:
        self._refuse_closed()
        return self._survey.ended(service, limit)

    def usage(self, service: str) -> Usage:
        self._refuse_closed()
        return self._survey.usage(service)

    def entries(self, invocation_id: str) -> list[Entry]:
        self._refuse_closed()
        return self._survey.entries(invocation_id)

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        self._refuse_closed()
        return self._survey.scan(view, conditions, after, limit, descending=descending)

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        self._refuse_closed()
        return self._survey.count(view, conditions, limit)

    def tally(self) -> list[tuple[str, str, str, int]]:
        self._refuse_closed()
        return self._survey.tally()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._reads.connection.close()
            self._writer.close()
            self._survey.close()
        finally:
            self._lock.release()

    def _read(self, doing: str, read: Callable[[], T]) -> T:
        self._refuse_closed()
        try:
            return read()
        except (sqlite3.Error, *UNREADABLE) as error:
            raise failure(doing, self.path, error) from error

    def _active(self, after_id: str, limit: int) -> list[Invocation]:
        return self._read("scanning running invocations", lambda: self._reads.active(after_id, limit))

    @property
    def _owns_all(self) -> bool:
        return self._all.issubset(self._owned.partitions)

    def _of_owned(self, rows: list[T], id_of: Callable[[T], str]) -> list[T]:
        if self._owns_all:
            return rows
        owned = frozenset(self._owned.partitions)
        return [row for row in rows if self._placement.of_invocation(id_of(row)) in owned]

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageFailure(f"the storage on {self.path} is closed: open another one")

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors.
        if not self._writer.in_transaction:
            return
        try:
            self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            # The error that led here is the one to report; the next batch meets whatever is still wrong.
            log.warning("a rollback failed on %s", self.path, exc_info=True)


def _open(path: Path, part: Part) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    writer = connect(path)
    try:
        # Before anything is written: a file of another program stays as it is.
        version = version_of(writer, path)
        refuse_other_part(writer, version, path, part)
        configure(writer)
        migrate(writer, version, part)
        reader = connect(path)
        configure(reader)
    except BaseException:
        writer.close()
        raise
    return writer, reader
