"""The storage of a node in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Ended,
    Invocation,
    Purpose,
    RetryDue,
    Running,
    StartDue,
    Timer,
    WakeDue,
)
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import MOST_INBOUND, DeploymentRow, Parcel, StorageFailure, StorageInUse, Usage
from perdure_runtime.storage.memory import views
from perdure_runtime.storage.memory.rows import Rows
from perdure_runtime.storage.owned import Owned
from perdure_runtime.storage.partitions import partitions_of
from perdure_runtime.storage.views import Condition, View, ViewRow, check, page


class MemoryStorage:
    """Partitions in memory, as ``storage.api`` says of ``Storage``, ``Registry``, ``Survey`` and ``Fallback``.

    ``rows`` of an earlier one bring back what it kept.
    """

    def __init__(self, rows: Rows | None = None, *, shared: bool = False) -> None:
        """``shared``: as of a server, others may be open over the same rows, and the epochs alone keep them apart.

        Else raises StorageInUse while another such storage is open over the rows.
        """
        self.rows = Rows() if rows is None else rows
        self._shared = shared
        if not shared:
            if self.rows.in_use:
                raise StorageInUse("these rows belong to another node; close its storage first")
            self.rows.in_use = True
        self._owned = Owned(self.rows.placement)
        self._staged: Writes | None = None
        # The epochs under which the staged batch is to be committed.
        self._due: dict[int, int] = {}
        self._commit_failure = ""
        self._closed = False

    @property
    def placement(self) -> Placement:
        return self.rows.placement

    def reopen(self) -> "MemoryStorage":
        """What the next process finds when this one is killed now; this storage is closed."""
        self.close()
        return MemoryStorage(self.rows, shared=self._shared)

    def fail_next_commit(self, reason: str) -> None:
        """Makes the next ``commit`` raise StorageFailure, once."""
        self._commit_failure = reason

    def acquire(self) -> dict[int, int]:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("acquire after stage: the batch before was not committed")
        with self.rows.lock:
            epochs = {partition: epoch + 1 for partition, epoch in self.rows.epochs.items()}
            self.rows.epochs.update(epochs)
            self.rows.owners.update(dict.fromkeys(epochs, ""))
        self._owned.set(epochs)
        return epochs

    def own(self, epochs: Mapping[int, int]) -> None:
        self._refuse_closed()
        self._owned.set(epochs)

    def load(self, document: Document) -> Content:
        self._refuse_closed()
        self._owned.refuse(document)
        with self.rows.lock:
            return self.rows.load(document)

    def stage(self, writes: Writes) -> None:
        self._refuse_closed()
        if self._staged is not None:
            raise RuntimeError("stage after stage: the batch before was not committed")
        due = self._owned.epochs(partitions_of(writes, self.rows.placement))
        with self.rows.lock:
            self.rows.refuse_stale(due)
            self.rows.refuse_contradictions(writes)
        # What happens to the caller's batch from here on is not part of it.
        self._staged, self._due = Writes(), due
        self._staged.merge(writes)

    def commit(self) -> None:
        self._refuse_closed()
        if self._staged is None:
            raise RuntimeError("commit without stage: there is no batch to make durable")
        writes, self._staged = self._staged, None
        reason, self._commit_failure = self._commit_failure, ""
        with self.rows.lock:
            self.rows.refuse_stale(self._due)
            if reason:
                raise StorageFailure(f"committing a batch failed: {reason}")
            self.rows.apply(writes)

    def active(self, partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        rows = (row for row in self._invocations(partitions) if isinstance(row.status, Running) and row.id > after_id)
        return sorted(rows, key=_by_id)[:limit]

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        self._refuse_closed()
        owned, of_invocation = frozenset(self._owned.partitions), self.placement.of_invocation
        with self.rows.lock:
            timers = [
                timer
                for timer in self.rows.timers
                if from_ms <= timer.due_ms < before_ms and of_invocation(timer.invocation_id) in owned
            ]
        return sorted(timers, key=_timer_order)[:limit]

    def expired(self, now_ms: int, limit: int) -> list[str]:
        over = [
            (row.status.next_expiry_ms, row.id)
            for row in self._invocations(self._owned.partitions)
            if isinstance(row.status, Ended) and row.status.next_expiry_ms <= now_ms
        ]
        return [id for _, id in sorted(over)[:limit]]

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        return [parcel for parcel in self._parcels() if parcel.source in partitions]

    def inbound(self, destinations: Collection[int]) -> list[Parcel]:
        return [parcel for parcel in self._parcels() if parcel.destination in destinations][:MOST_INBOUND]

    def arrived(self, channels: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
        self._refuse_closed()
        with self.rows.lock:
            return {channel: self.rows.received.get(channel, 0) for channel in channels}

    def add_deployment(self, deployment: DeploymentRow) -> None:
        self._refuse_closed()
        with self.rows.lock:
            if deployment.id in self.rows.deployments:
                raise StorageFailure(f"adding a deployment failed: its id {deployment.id} is taken; please report this")
            self.rows.deployments[deployment.id] = deployment

    def remove_deployment(self, deployment_id: str) -> None:
        self._refuse_closed()
        with self.rows.lock:
            self.rows.deployments.pop(deployment_id, None)

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        self._refuse_closed()
        with self.rows.lock:
            row = self.rows.deployments.get(deployment_id)
            if row is None or row.address != old:
                return False
            self.rows.deployments[deployment_id] = replace(row, address=new)
            return True

    def deployments(self) -> list[DeploymentRow]:
        self._refuse_closed()
        with self.rows.lock:
            return sorted(self.rows.deployments.values(), key=lambda row: (row.created_at_ms, row.id))

    def definitions(self, kind: str) -> dict[str, bytes]:
        self._refuse_closed()
        with self.rows.lock:
            return {name: content for (of, name), content in sorted(self.rows.definitions.items()) if of == kind}

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        self._refuse_closed()
        with self.rows.lock:
            if content is None:
                self.rows.definitions.pop((kind, name), None)
            else:
                self.rows.definitions[kind, name] = content

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        rows = self._invocations(self.rows.epochs)
        pinned = (row for row in rows if row.deployment_id == deployment_id and not isinstance(row.status, Ended))
        return sorted(pinned, key=_by_id)[:limit]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        rows = self._invocations(self.rows.epochs)
        of_service = [row for row in rows if row.target.service == service and isinstance(row.status, Ended)]
        with self.rows.lock:
            kept = [row for row in of_service if row.id in self.rows.journals]
        return sorted(kept, key=_by_id, reverse=True)[:limit]

    def usage(self, service: str) -> Usage:
        rows = self._invocations(self.rows.epochs)
        with self.rows.lock:
            state = Counter(name for (of, _), names in self.rows.state.items() if of == service for name in names)
        open_rows = (row for row in rows if row.target.service == service and not isinstance(row.status, Ended))
        return Usage(dict(state), dict(Counter(row.target.handler for row in open_rows)))

    def entries(self, invocation_id: str) -> list[Entry]:
        self._refuse_closed()
        with self.rows.lock:
            return self.rows.entries(invocation_id)

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        check(view, conditions, after)
        return page(view, self._fitting(view, conditions), after, limit, descending=descending)

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        check(view, conditions)
        return min(limit, len(self._fitting(view, conditions)))

    def tally(self) -> list[tuple[str, str, str, int]]:
        self._refuse_closed()
        with self.rows.lock:
            return views.tally(self.rows)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if not self._shared:
                self.rows.in_use = False

    def _fitting(self, view: View, conditions: Sequence[Condition]) -> list[ViewRow]:
        self._refuse_closed()
        with self.rows.lock:
            return views.fitting(self.rows, view, conditions)

    def _invocations(self, partitions: Collection[int]) -> list[Invocation]:
        self._refuse_closed()
        of_invocation = self.placement.of_invocation
        with self.rows.lock:
            return [row for id, row in self.rows.invocations.items() if of_invocation(id) in partitions]

    def _parcels(self) -> list[Parcel]:
        self._refuse_closed()
        with self.rows.lock:
            return self.rows.parcels()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageFailure("this storage is closed: open another one over its rows")


def _by_id(row: Invocation) -> str:
    return row.id


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
