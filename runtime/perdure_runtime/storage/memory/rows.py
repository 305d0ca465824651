"""A database in memory: what is durable of all partitions, and who owns them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar, assert_never

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Caller,
    Channel,
    IdempotencyKey,
    Invocation,
    ObjectRow,
    Place,
    PromiseRow,
    Timer,
)
from perdure_runtime.partition.view import (
    ChannelDocument,
    Document,
    HeldDocument,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    MarkDocument,
    ObjectDocument,
    PromisesDocument,
    ReceivedDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, Parcel, StaleEpoch, StorageFailure

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the cluster; its lease ends at ``lease_until_s`` on the clock of the database."""

    address: str
    lease_until_s: float
    draining: bool


@dataclass(slots=True)
class Rows:
    """What is durable. Messages are kept as bytes: a later change of the object must not reach them.

    Of ``databases`` this one, number ``database``, has the partitions that leave this rest.
    """

    placement: Placement = field(default_factory=Placement)
    databases: int = 1
    database: int = 0
    epochs: dict[int, int] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    nodes: dict[str, Member] = field(default_factory=dict)
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
    held: dict[str, dict[int, bytes]] = field(default_factory=dict)
    channels: dict[tuple[int, int], Channel] = field(default_factory=dict)
    outbox: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    received: dict[tuple[int, int], int] = field(default_factory=dict)
    marks: dict[tuple[int, str], int] = field(default_factory=dict)
    definitions: dict[tuple[str, str], bytes] = field(default_factory=dict)
    deployments: dict[str, DeploymentRow] = field(default_factory=dict)
    # Commits may run in threads of their own, and readers must see all of one or nothing.
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        for partition in range(self.database, self.placement.partitions, self.databases):
            self.epochs.setdefault(partition, 0)
            self.owners.setdefault(partition, "")

    def refuse_stale(self, epochs: Mapping[int, int]) -> None:
        """Raises StaleEpoch where partitions have other epochs than these."""
        lost = [partition for partition, epoch in epochs.items() if self.epochs.get(partition) != epoch]
        if lost:
            raise StaleEpoch(lost)

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
        for (id, command), outcome in writes.held.items():
            _put(self.held.setdefault(id, {}), {command: None if outcome is None else outcome.SerializeToString()})
        self.channels.update(writes.channels)
        _put(
            self.outbox,
            {place: None if sent is None else sent.SerializeToString() for place, sent in writes.outbox.items()},
        )
        self.received.update(writes.received)
        self.marks.update(writes.marks)
        for id in writes.forgotten:
            self.journals.pop(id, None)
        for timer, on in writes.timers.items():
            (self.timers.add if on else self.timers.discard)(timer)
        for id in writes.purged:
            self.invocations.pop(id, None)
            self.journals.pop(id, None)
            self.listeners.pop(id, None)
            self.held.pop(id, None)

    def load(self, document: Document) -> Content:
        """What ``Storage.load`` says of a document."""
        match document:
            case InvocationDocument(id):
                return self.invocations.get(id)
            case JournalDocument(id):
                return self.entries(id)
            case ListenersDocument(id):
                return tuple(sorted(self.listeners.get(id, ()), key=lambda by: (by.invocation_id, by.command)))
            case ObjectDocument(service, key):
                return self.objects.get((service, key))
            case InboxDocument(service, key, seq):
                line = [(place, id) for (*of, place), id in self.inbox.items() if of == [service, key] and place >= seq]
                return Place(*min(line)) if line else None
            case StateDocument(service, key):
                return dict(self.state.get((service, key), {}))
            case IdempotencyDocument(name):
                return self.idempotency.get(name)
            case PromisesDocument(service, key):
                return dict(self.promises.get((service, key), {}))
            case ChannelDocument(source, destination):
                return self.channels.get((source, destination))
            case ReceivedDocument(source, destination):
                return self.received.get((source, destination))
            case HeldDocument(id):
                return {command: Outcome.FromString(raw) for command, raw in self.held.get(id, {}).items()}
            case MarkDocument(partition, source):
                return self.marks.get((partition, source))
            case _:
                assert_never(document)

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation."""
        return [Entry.FromString(entry) for _, entry in sorted(self.journals.get(invocation_id, {}).items())]

    def parcels(self) -> list[Parcel]:
        """All messages that stand in an outbox, in order of channel and number."""
        return [Parcel(*place, Message.FromString(raw)) for place, raw in sorted(self.outbox.items())]


def _put(rows: dict[K, V], changes: dict[K, V | None]) -> None:
    for key, value in changes.items():
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
