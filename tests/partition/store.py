"""A store of rows for tests: a dict a table. It is both what ``Memory`` loads from and a View that has everything."""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from typing import TypeVar, assert_never

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from perdure_runtime.partition.journal import Journal
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

K = TypeVar("K")
V = TypeVar("V")


ONE = Placement()


class Store:
    """Rows as they are after some writes. Refuses writes that do not follow from the rows.

    As a View it answers only for the partitions that are ``owned``, as one node would see it.
    """

    def __init__(self, placement: Placement = ONE) -> None:
        self.placement = placement
        self.owned = frozenset(range(placement.partitions))
        self.invocations: dict[str, Invocation] = {}
        self.journals: dict[str, list[Entry]] = {}
        self.callers: dict[str, set[Caller]] = {}
        self.objects: dict[tuple[str, str], ObjectRow] = {}
        self.places: dict[tuple[str, str, int], str] = {}
        self.states: dict[tuple[str, str], dict[str, bytes]] = {}
        self.keys: dict[IdempotencyKey, str] = {}
        self.agreed: dict[tuple[str, str], dict[str, PromiseRow]] = {}
        self.timers: set[Timer] = set()
        self.kept: dict[str, dict[int, Outcome]] = {}
        self.channels: dict[tuple[int, int], Channel] = {}
        self.outbox: dict[tuple[int, int, int], Message] = {}
        self.arrived: dict[tuple[int, int], int] = {}
        self.marks: dict[tuple[int, str], int] = {}

    def write(self, writes: Writes) -> None:
        """Takes in a step or a batch, whole."""
        for id, invocation in writes.invocations.items():
            assert (id in writes.inserted) == (id not in self.invocations), f"{id}: inserted twice, or never"
            self.invocations[id] = invocation
        for (id, position), entry in sorted(writes.journal.items(), key=lambda item: item[0]):
            journal = self.journals.setdefault(id, [])
            assert position == len(journal), f"entry {position} of {id} written where {len(journal)} is next"
            journal.append(Entry.FromString(entry.SerializeToString()))
        for (id, caller), waits in writes.listeners.items():
            callers = self.callers.setdefault(id, set())
            (callers.add if waits else callers.discard)(caller)
        _put(self.objects, writes.objects)
        _put(self.places, writes.inbox)
        _put(self.keys, writes.idempotency)
        for (service, key, name), value in writes.state.items():
            _put(self.states.setdefault((service, key), {}), {name: value})
        for (service, key, name), promise in writes.promises.items():
            _put(self.agreed.setdefault((service, key), {}), {name: promise})
        for timer, on in writes.timers.items():
            (self.timers.add if on else self.timers.discard)(timer)
        for (id, command), result in writes.held.items():
            _put(self.kept.setdefault(id, {}), {command: result})
        self.channels.update(writes.channels)
        _put(self.outbox, writes.outbox)
        self.arrived.update(writes.received)
        self.marks.update(writes.marks)
        for id in writes.forgotten:
            self.journals.pop(id, None)
        for id in writes.purged:
            self.invocations.pop(id, None)
            self.journals.pop(id, None)
            self.callers.pop(id, None)
            self.kept.pop(id, None)

    def copy(self) -> "Store":
        """The same rows, to be changed apart."""
        other = Store(self.placement)
        other.invocations = dict(self.invocations)
        other.journals = {id: list(entries) for id, entries in self.journals.items()}
        other.callers = {id: set(callers) for id, callers in self.callers.items()}
        other.objects = dict(self.objects)
        other.places = dict(self.places)
        other.states = {place: dict(state) for place, state in self.states.items()}
        other.keys = dict(self.keys)
        other.agreed = {place: dict(promises) for place, promises in self.agreed.items()}
        other.timers = set(self.timers)
        other.kept = {id: dict(results) for id, results in self.kept.items()}
        other.channels = dict(self.channels)
        other.outbox = dict(self.outbox)
        other.arrived = dict(self.arrived)
        other.marks = dict(self.marks)
        return other

    def load(self, document: Document) -> Content:
        """What ``Memory.load`` takes."""
        match document:
            case InvocationDocument(id):
                return self.invocation(id)
            case JournalDocument(id):
                return list(self.journals.get(id, ()))
            case ListenersDocument(id):
                return self.listeners(id)
            case ObjectDocument(service, key):
                return self.object(service, key)
            case InboxDocument(service, key, seq):
                return self.inbox(service, key, seq)
            case StateDocument(service, key):
                return dict(self.state(service, key))
            case IdempotencyDocument(key):
                return self.idempotent(key)
            case PromisesDocument(service, key):
                return dict(self.promises(service, key))
            case ChannelDocument(source, destination):
                return self.channels.get((source, destination))
            case ReceivedDocument(source, destination):
                return self.arrived.get((source, destination))
            case MarkDocument(partition, source):
                return self.mark(partition, source)
            case HeldDocument(id):
                return dict(self.held(id))
            case _:
                assert_never(document)

    def line(self, service: str, key: str) -> list[str]:
        """Who holds a key, and who waits for it, in order."""
        row = self.objects.get((service, key))
        return [] if row is None else [row.holder, *self._window(service, key, row)]

    def _window(self, service: str, key: str, row: ObjectRow) -> Iterator[str]:
        # Who was cancelled has left an empty place.
        for seq in range(row.head, row.tail):
            if (service, key, seq) in self.places:
                yield self.places[service, key, seq]

    def invocation(self, invocation_id: str) -> Invocation | None:
        self._must_own(self.placement.of_invocation(invocation_id))
        return self.invocations.get(invocation_id)

    def journal(self, invocation_id: str) -> Journal:
        self._must_own(self.placement.of_invocation(invocation_id))
        return Journal(self.journals.get(invocation_id, ()))

    def listeners(self, invocation_id: str) -> tuple[Caller, ...]:
        self._must_own(self.placement.of_invocation(invocation_id))
        callers = self.callers.get(invocation_id, set())
        return tuple(sorted(callers, key=lambda caller: (caller.invocation_id, caller.command)))

    def object(self, service: str, key: str) -> ObjectRow | None:
        self._must_own(self.placement.of_key(service, key))
        return self.objects.get((service, key))

    def inbox(self, service: str, key: str, seq: int) -> Place | None:
        self._must_own(self.placement.of_key(service, key))
        taken = [place for *of, place in self.places if of == [service, key] and place >= seq]
        return Place(min(taken), self.places[service, key, min(taken)]) if taken else None

    def state(self, service: str, key: str) -> Mapping[str, bytes]:
        self._must_own(self.placement.of_key(service, key))
        return self.states.get((service, key), {})

    def idempotent(self, key: IdempotencyKey) -> str | None:
        self._must_own(self.placement.of_name(key))
        return self.keys.get(key)

    def promises(self, service: str, key: str) -> Mapping[str, PromiseRow]:
        self._must_own(self.placement.of_key(service, key))
        return self.agreed.get((service, key), {})

    def owns(self, partition: int) -> bool:
        return partition in self.owned

    def channel(self, source: int, destination: int) -> Channel:
        self._must_own(source)
        return self.channels.get((source, destination), Channel())

    def received(self, source: int, destination: int) -> int:
        self._must_own(destination)
        return self.arrived.get((source, destination), 0)

    def mark(self, partition: int, source: str) -> int | None:
        self._must_own(partition)
        return self.marks.get((partition, source))

    def held(self, invocation_id: str) -> Mapping[int, Outcome]:
        self._must_own(self.placement.of_invocation(invocation_id))
        return self.kept.get(invocation_id, {})

    def underway(self) -> list[Message]:
        """Messages that have not been received yet."""
        return [
            message
            for (source, destination, seq), message in sorted(self.outbox.items(), key=lambda item: item[0])
            if seq > self.arrived.get((source, destination), 0)
        ]

    def seen_by(self, owned: Collection[int]) -> "Store":
        """The same rows, as a node sees them that owns these partitions alone."""
        seen = copy(self)
        seen.owned = frozenset(owned)
        return seen

    def _must_own(self, partition: int) -> None:
        assert partition in self.owned, f"partition {partition} is not here: {sorted(self.owned)} are"


def _put(rows: dict[K, V], changes: Mapping[K, V | None]) -> None:
    for key, value in changes.items():
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
