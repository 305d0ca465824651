"""The memory fake: obeys the contract of the port without a disk, for simulations and for work that may be lost.

``Rows`` is what would be on the disk: it outlives the storage objects that are opened over it, one after another.
"""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar, assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import (
    Caller,
    Ended,
    IdempotencyKey,
    Invocation,
    ObjectRow,
    Place,
    PromiseRow,
    Purpose,
    RetryDue,
    Running,
    StartDue,
    Timer,
    WakeDue,
)
from perdure_runtime.partition.view import (
    Document,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    ObjectDocument,
    PromisesDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, StaleEpoch, StorageFailure, StorageInUse, Usage

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Rows:
    """What is durable. Journal entries are kept as bytes: a later change of the message must not reach them."""

    epoch: int = 0
    in_use: bool = False
    invocations: dict[str, Invocation] = field(default_factory=dict)
    journals: dict[str, dict[int, bytes]] = field(default_factory=dict)
    listeners: dict[str, set[Caller]] = field(default_factory=dict)
    objects: dict[tuple[str, str], ObjectRow] = field(default_factory=dict)
    inbox: dict[tuple[str, str, int], str] = field(default_factory=dict)
    state: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    idempotency: dict[IdempotencyKey, str] = field(default_factory=dict)
    promises: dict[tuple[str, str], dict[str, PromiseRow]] = field(default_factory=dict)
    timers: set[Timer] = field(default_factory=set)
    deployments: dict[str, DeploymentRow] = field(default_factory=dict)

    def refuse_contradictions(self, writes: Writes) -> None:
        """Raises StorageFailure where a batch does not follow from the rows."""
        for id in writes.invocations:
            if (id in writes.inserted) == (id in self.invocations):
                known = "is there already" if id in self.invocations else "is not there"
                raise StorageFailure(f"writing a batch failed: invocation {id} {known}; please report this")
        for id, position in writes.journal:
            if position in self.journals.get(id, ()):
                raise StorageFailure(
                    f"writing a batch failed: journal index {position} of {id} is taken; please report this"
                )

    def apply(self, writes: Writes) -> None:
        """Takes in a batch that follows from the rows."""
        self.invocations.update(writes.invocations)
        for (id, position), entry in writes.journal.items():
            self.journals.setdefault(id, {})[position] = entry.SerializeToString()
        for (id, caller), waits in writes.listeners.items():
            callers = self.listeners.setdefault(id, set())
            (callers.add if waits else callers.discard)(caller)
        _put(self.objects, writes.objects)
        _put(self.inbox, writes.inbox)
        _put(self.idempotency, writes.idempotency)
        for (service, key, name), value in writes.state.items():
            _put(self.state.setdefault((service, key), {}), {name: value})
        for (service, key, name), promise in writes.promises.items():
            _put(self.promises.setdefault((service, key), {}), {name: promise})
        for id in writes.forgotten:
            self.journals.pop(id, None)
        for timer, on in writes.timers.items():
            (self.timers.add if on else self.timers.discard)(timer)
        for id in writes.purged:
            self.invocations.pop(id, None)
            self.journals.pop(id, None)
            self.listeners.pop(id, None)


class MemoryStorage:
    """A partition in memory, as ``storage.api.Storage`` says; ``rows`` of an earlier one bring back what it kept."""

    def __init__(self, rows: Rows | None = None) -> None:
        """Raises StorageInUse while another storage is open over the rows."""
        self.rows = Rows() if rows is None else rows
        if self.rows.in_use:
            raise StorageInUse("these rows belong to another node; close its storage first")
        self.rows.in_use = True
        self._epoch = 0
        self._staged: Writes | None = None
        self._commit_failure = ""
        self._closed = False
        # A commit may run in a thread of its own, and readers must see all of it or nothing.
        self._lock = Lock()

    def reopen(self) -> "MemoryStorage":
        """What the next process finds when this one is killed now; this storage is closed."""
        self.close()
        return MemoryStorage(self.rows)

    def fail_next_commit(self, reason: str) -> None:
        """Makes the next ``commit`` raise StorageFailure, once."""
        self._commit_failure = reason

    def acquire(self) -> int:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("acquire after stage: the batch before was not committed")
        self.rows.epoch += 1
        self._epoch = self.rows.epoch
        return self._epoch

    def load(self, document: Document) -> Content:
        self._refuse_closed()
        with self._lock:
            return self._load(document)

    def stage(self, writes: Writes) -> None:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("stage after stage: the batch before was not committed")
        self._refuse_stale()
        self.rows.refuse_contradictions(writes)
        # What happens to the caller's batch from here on is not part of it.
        self._staged = Writes()
        self._staged.merge(writes)

    def commit(self) -> None:
        self._refuse_closed()
        if self._staged is None:
            raise RuntimeError("commit without stage: there is no batch to make durable")
        writes, self._staged = self._staged, None
        self._refuse_stale()
        reason, self._commit_failure = self._commit_failure, ""
        if reason:
            raise StorageFailure(f"committing a batch failed: {reason}")
        with self._lock:
            self.rows.apply(writes)

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        self._refuse_closed()
        with self._lock:
            ids = [id for id, row in self.rows.invocations.items() if isinstance(row.status, Running) and id > after_id]
            return [self.rows.invocations[id] for id in sorted(ids)[:limit]]

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        self._refuse_closed()
        with self._lock:
            return sorted((t for t in self.rows.timers if from_ms <= t.due_ms < before_ms), key=_timer_order)[:limit]

    def expired(self, now_ms: int, limit: int) -> list[str]:
        self._refuse_closed()
        with self._lock:
            over = [
                (row.status.next_expiry_ms, id)
                for id, row in self.rows.invocations.items()
                if isinstance(row.status, Ended) and row.status.next_expiry_ms <= now_ms
            ]
            return [id for _, id in sorted(over)[:limit]]

    def add_deployment(self, deployment: DeploymentRow) -> None:
        self._refuse_closed()
        self._refuse_stale()
        if deployment.id in self.rows.deployments:
            raise StorageFailure(f"adding a deployment failed: its id {deployment.id} is taken; please report this")
        self.rows.deployments[deployment.id] = deployment

    def remove_deployment(self, deployment_id: str) -> None:
        self._refuse_closed()
        self._refuse_stale()
        self.rows.deployments.pop(deployment_id, None)

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        self._refuse_closed()
        with self._lock:
            pinned = [
                row
                for row in self.rows.invocations.values()
                if row.deployment_id == deployment_id and not isinstance(row.status, Ended)
            ]
            return sorted(pinned, key=lambda row: row.id)[:limit]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        self._refuse_closed()
        with self._lock:
            rows = [
                row
                for row in self.rows.invocations.values()
                if row.target.service == service and isinstance(row.status, Ended) and row.id in self.rows.journals
            ]
        return sorted(rows, key=lambda row: row.id, reverse=True)[:limit]

    def usage(self, service: str) -> Usage:
        self._refuse_closed()
        with self._lock:
            state = Counter(name for (of, _), names in self.rows.state.items() if of == service for name in names)
            handlers = Counter(
                row.target.handler
                for row in self.rows.invocations.values()
                if row.target.service == service and not isinstance(row.status, Ended)
            )
        return Usage(dict(state), dict(handlers))

    def deployments(self) -> list[DeploymentRow]:
        self._refuse_closed()
        return sorted(self.rows.deployments.values(), key=lambda row: (row.created_at_ms, row.id))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.rows.in_use = False

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageFailure("this storage is closed: open another one over its rows")

    def _refuse_stale(self) -> None:
        if self._epoch == 0:
            raise RuntimeError("acquire the partition before writing to it")
        if self._epoch != self.rows.epoch:
            raise StaleEpoch(self._epoch, self.rows.epoch)

    def _load(self, document: Document) -> Content:
        rows = self.rows
        match document:
            case InvocationDocument(id):
                return rows.invocations.get(id)
            case JournalDocument(id):
                return [Entry.FromString(entry) for _, entry in sorted(rows.journals.get(id, {}).items())]
            case ListenersDocument(id):
                return tuple(
                    sorted(rows.listeners.get(id, ()), key=lambda caller: (caller.invocation_id, caller.command))
                )
            case ObjectDocument(service, key):
                return rows.objects.get((service, key))
            case InboxDocument(service, key, seq):
                return _first_place(rows, service, key, seq)
            case StateDocument(service, key):
                return dict(rows.state.get((service, key), {}))
            case IdempotencyDocument(key):
                return rows.idempotency.get(key)
            case PromisesDocument(service, key):
                return dict(rows.promises.get((service, key), {}))
            case _:
                assert_never(document)


def _first_place(rows: Rows, service: str, key: str, seq: int) -> Place | None:
    line = [(place, id) for (*of, place), id in rows.inbox.items() if of == [service, key] and place >= seq]
    return Place(*min(line)) if line else None


def _put(rows: dict[K, V], changes: dict[K, V | None]) -> None:
    for key, value in changes.items():
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value


def _timer_order(timer: Timer) -> tuple[int, str, str, int]:
    return (timer.due_ms, timer.invocation_id, *_purpose_order(timer.purpose))


def _purpose_order(purpose: Purpose) -> tuple[str, int]:
    match purpose:
        case RetryDue(attempt):
            return "retry", attempt
        case StartDue():
            return "start", 0
        case WakeDue(command):
            return "wake", command
        case _:
            assert_never(purpose)
