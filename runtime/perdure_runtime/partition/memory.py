"""The part of a partition that is in memory: a View over loaded documents and writes on their way to storage."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome

from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Caller,
    Channel,
    IdempotencyKey,
    Invocation,
    ObjectRow,
    Place,
    PromiseRow,
    Running,
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
    NotLoaded,
    ObjectDocument,
    PromisesDocument,
    ReceivedDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes

Content: TypeAlias = (
    Invocation
    | Sequence[Entry]
    | tuple[Caller, ...]
    | ObjectRow
    | Place
    | str
    | Mapping[str, bytes]
    | Mapping[str, PromiseRow]
    | Channel
    | int
    | Mapping[int, Outcome]
    | None
)

# Idle states are kept up to this size together.
MAX_IDLE_BYTES = 64 * 1024 * 1024
# Enough for every key of a busy service; the state of an idle key is read again from storage in microseconds.
MAX_IDLE_OBJECTS = 20_000

ONE_PARTITION = Placement()


class Memory:
    """Documents by key. What is not in memory raises NotLoaded; what is dirty stays until it is durable.

    Attributes:
        placement: What lies in which partition.
        owned: The partitions that are here.
    """

    def __init__(
        self,
        placement: Placement = ONE_PARTITION,
        owned: Collection[int] | None = None,
        *,
        most_idle_objects: int = MAX_IDLE_OBJECTS,
        most_idle_bytes: int = MAX_IDLE_BYTES,
    ) -> None:
        """``owned`` are the partitions that are here; None for all."""
        self.placement = placement
        self.owned = frozenset(range(placement.partitions) if owned is None else owned)
        self._invocations: dict[str, Invocation | None] = {}
        self._journals: dict[str, Journal] = {}
        self._listeners: dict[str, dict[Caller, None]] = {}
        self._objects: dict[tuple[str, str], ObjectRow | None] = {}
        # Places that were taken or left and are not durable; and from a place on, the first that storage says is taken.
        self._inbox: dict[tuple[str, str, int], str | None] = {}
        self._next_places: dict[tuple[str, str, int], Place | None] = {}
        self._state: dict[tuple[str, str], dict[str, bytes]] = {}
        self._idempotency: dict[IdempotencyKey, str | None] = {}
        self._promises: dict[tuple[str, str], dict[str, PromiseRow]] = {}
        self._held: dict[str, dict[int, Outcome]] = {}
        # There are as many as there are pairs of partitions: they stay.
        self._channels: dict[tuple[int, int], Channel] = {}
        self._received: dict[tuple[int, int], int] = {}
        self._marks: dict[tuple[int, str], int | None] = {}
        # What came into memory to be looked at, and goes with the next commit unless it runs or is written.
        self._visitors: set[str] = set()
        self._visited_keys: set[IdempotencyKey] = set()
        self._visited_promises: set[tuple[str, str]] = set()
        self._most_idle_objects = self._crowd = most_idle_objects
        self._most_idle_bytes = self._heap = most_idle_bytes
        self._state_bytes = 0

    def invocation(self, invocation_id: str) -> Invocation | None:
        try:
            return self._invocations[invocation_id]
        except KeyError:
            raise NotLoaded(InvocationDocument(invocation_id)) from None

    def journal(self, invocation_id: str) -> Journal:
        try:
            return self._journals[invocation_id]
        except KeyError:
            raise NotLoaded(JournalDocument(invocation_id)) from None

    def listeners(self, invocation_id: str) -> tuple[Caller, ...]:
        try:
            return tuple(self._listeners[invocation_id])
        except KeyError:
            raise NotLoaded(ListenersDocument(invocation_id)) from None

    def object(self, service: str, key: str) -> ObjectRow | None:
        try:
            return self._objects[service, key]
        except KeyError:
            raise NotLoaded(ObjectDocument(service, key)) from None

    def inbox(self, service: str, key: str, seq: int) -> Place | None:
        written = self._inbox
        while True:
            while (place := (service, key, seq)) in written:
                taken_by = written[place]
                if taken_by is not None:
                    return Place(seq, taken_by)
                seq += 1
            try:
                stored = self._next_places[place]
            except KeyError:
                raise NotLoaded(InboxDocument(*place)) from None
            if stored is None:
                return self._first_joined(service, key, seq)
            if (service, key, stored.seq) not in written:
                return stored
            seq = stored.seq

    def state(self, service: str, key: str) -> Mapping[str, bytes]:
        try:
            return self._state[service, key]
        except KeyError:
            raise NotLoaded(StateDocument(service, key)) from None

    def idempotent(self, key: IdempotencyKey) -> str | None:
        try:
            return self._idempotency[key]
        except KeyError:
            raise NotLoaded(IdempotencyDocument(key)) from None

    def promises(self, service: str, key: str) -> Mapping[str, PromiseRow]:
        try:
            return self._promises[service, key]
        except KeyError:
            raise NotLoaded(PromisesDocument(service, key)) from None

    def channel(self, source: int, destination: int) -> Channel:
        try:
            return self._channels[source, destination]
        except KeyError:
            raise NotLoaded(ChannelDocument(source, destination)) from None

    def received(self, source: int, destination: int) -> int:
        try:
            return self._received[source, destination]
        except KeyError:
            raise NotLoaded(ReceivedDocument(source, destination)) from None

    def held(self, invocation_id: str) -> Mapping[int, Outcome]:
        try:
            return self._held[invocation_id]
        except KeyError:
            raise NotLoaded(HeldDocument(invocation_id)) from None

    def mark(self, partition: int, source: str) -> int | None:
        try:
            return self._marks[partition, source]
        except KeyError:
            raise NotLoaded(MarkDocument(partition, source)) from None

    def owns(self, partition: int) -> bool:
        return partition in self.owned

    def gain(self, partitions: Collection[int]) -> None:
        """These partitions are here from now on."""
        self.owned = self.owned.union(partitions)

    def release(self, partitions: Collection[int]) -> None:
        """These partitions are here no more: all of them is forgotten, durable or not."""
        self.owned = self.owned.difference(partitions)
        gone, placement = frozenset(partitions), self.placement
        ids = {*self._invocations, *self._journals, *self._listeners, *self._held, *self._visitors}
        for id in ids:
            if placement.of_invocation(id) in gone:
                self._forget(id)
                self._visitors.discard(id)
        keys = {*self._objects, *self._state, *self._promises}
        gone_keys = {place for place in keys if placement.of_key(*place) in gone}
        for place in gone_keys:
            self._objects.pop(place, None)
            self._promises.pop(place, None)
            self._state_bytes -= _size(self._state.pop(place, {}))
        self._visited_promises -= gone_keys
        for line in [line for line in self._inbox if placement.of_key(*line[:2]) in gone]:
            del self._inbox[line]
        self._next_places.clear()
        for name in [name for name in self._idempotency if placement.of_name(name) in gone]:
            del self._idempotency[name]
            self._visited_keys.discard(name)
        self._channels = {way: channel for way, channel in self._channels.items() if way[0] not in gone}
        self._received = {way: number for way, number in self._received.items() if way[1] not in gone}
        self._marks = {place: position for place, position in self._marks.items() if place[0] not in gone}

    @property
    def invocations(self) -> int:
        """How many invocations are in memory."""
        return len(self._invocations)

    def know_new(self, invocation_id: str) -> None:
        """Takes for granted that storage has never seen an id that was just minted: saves a read a call."""
        self._invocations[invocation_id] = None

    def visit(self, invocation_id: str) -> None:
        """Lets go of an invocation with the next commit, unless it runs or is written then.

        Of a call that ``know_new`` announced and that its idempotency key made another one's nothing else would.
        """
        self._visitors.add(invocation_id)

    def load(self, document: Document, content: Content) -> None:
        """Takes in what storage says of a document that NotLoaded named."""
        match document, content:
            case InvocationDocument(id), Invocation() | None:
                self._invocations[id] = content
                self._visitors.add(id)
            case JournalDocument(id), list():
                self._journals[id] = Journal(content)
                self._visitors.add(id)
            case ListenersDocument(id), tuple():
                self._visitors.add(id)
                self._listeners[id] = {caller: None for caller in content if isinstance(caller, Caller)}
            case ObjectDocument(service, key), ObjectRow() | None:
                self._objects[service, key] = content
            case InboxDocument(service, key, seq), Place() | None:
                self._next_places[service, key, seq] = content
            case StateDocument(service, key), dict():
                self._state[service, key] = content
                self._state_bytes += _size(content)
            case IdempotencyDocument(key), str() | None:
                self._idempotency[key] = content
                self._visited_keys.add(key)
            case PromisesDocument(service, key), dict():
                self._promises[service, key] = content
                self._visited_promises.add((service, key))
            case HeldDocument(id), dict():
                self._held[id] = content
                self._visitors.add(id)
            case ChannelDocument(source, destination), Channel() | None:
                self._channels[source, destination] = content or Channel()
            case ReceivedDocument(source, destination), int() | None:
                self._received[source, destination] = content or 0
            case MarkDocument(partition, source), int() | None:
                self._marks[partition, source] = content
            case _:
                raise TypeError(f"{content!r} is not the content of {document!r}")

    def absorb(self, writes: Writes) -> None:
        """Makes the writes of a step visible to the next one."""
        for id in writes.inserted:
            self._journals[id] = Journal()
            self._listeners[id] = {}
        self._invocations.update(writes.invocations)
        for (id, _), entry in writes.journal.items():
            self._journals[id].append(entry)
        for (id, caller), waits in writes.listeners.items():
            if waits:
                self._listeners[id][caller] = None
            else:
                self._listeners[id].pop(caller, None)
        self._objects.update(writes.objects)
        self._inbox.update(writes.inbox)
        for (service, key, name), value in writes.state.items():
            state = self._state[service, key]
            self._state_bytes -= len(state.pop(name, b""))
            if value is not None:
                state[name] = value
                self._state_bytes += len(value)
        self._idempotency.update(writes.idempotency)
        for (service, key, name), promise in writes.promises.items():
            promises = self._promises[service, key]
            if promise is None:
                promises.pop(name, None)
            else:
                promises[name] = promise
        for (id, command), outcome in writes.held.items():
            if outcome is None:
                self._held[id].pop(command, None)
            else:
                self._held[id][command] = outcome
        self._channels.update(writes.channels)
        self._received.update(writes.received)
        self._marks.update(writes.marks)
        for id in writes.forgotten:
            self._journals[id] = Journal()
        for id in writes.purged:
            self._invocations[id] = None
            self._journals[id] = Journal()
            self._listeners[id] = {}
            self._held[id] = {}

    def settle(self, durable: Writes, dirty: Writes) -> None:
        """Lets go of what is durable, not written again since, and does not run: memory is for what runs."""
        for id in (self._visitors | _invocations_in(durable)) - _invocations_in(dirty):
            if not self._runs(id):
                self._forget(id)
        self._visitors.clear()
        for place in durable.inbox:
            if place not in dirty.inbox:
                self._inbox.pop(place, None)
        self._next_places.clear()
        for key in self._visited_keys.union(durable.idempotency):
            if key not in dirty.idempotency:
                self._idempotency.pop(key, None)
        self._visited_keys.clear()
        dirty_promises = {(service, key) for service, key, _ in dirty.promises}
        for workflow in self._visited_promises - dirty_promises:
            self._promises.pop(workflow, None)
        self._visited_promises &= dirty_promises
        if max(len(self._objects), len(self._state)) > self._crowd or self._state_bytes > self._heap:
            self._forget_idle_objects(dirty)

    def _first_joined(self, service: str, key: str, seq: int) -> Place | None:
        """Who joined the line first of those that storage does not know of: they stand behind all that it does."""
        joined = [
            Place(place, id)
            for (of_service, of_key, place), id in self._inbox.items()
            if id is not None and place >= seq and (of_service, of_key) == (service, key)
        ]
        return min(joined, key=lambda place: place.seq, default=None)

    def _forget(self, id: str) -> None:
        self._invocations.pop(id, None)
        self._journals.pop(id, None)
        self._listeners.pop(id, None)
        self._held.pop(id, None)

    def _runs(self, id: str) -> bool:
        invocation = self._invocations.get(id)
        return invocation is not None and isinstance(invocation.status, Running)

    def _forget_idle_objects(self, dirty: Writes) -> None:
        busy = {(service, key) for service, key, _ in dirty.state}
        busy.update(dirty.objects)
        busy.update(place for place, row in self._objects.items() if row is not None and self._runs(row.holder))
        self._objects = {place: row for place, row in self._objects.items() if place in busy}
        self._state = {place: state for place, state in self._state.items() if place in busy}
        self._state_bytes = sum(map(_size, self._state.values()))
        # Where that many are busy, looking through them again at each commit would find little more.
        self._heap = max(self._most_idle_bytes, 2 * self._state_bytes)
        self._crowd = max(self._most_idle_objects, 2 * max(len(self._objects), len(self._state)))


def _size(state: Mapping[str, bytes]) -> int:
    return sum(map(len, state.values()))


def _invocations_in(writes: Writes) -> set[str]:
    written = {*writes.invocations, *writes.purged, *writes.forgotten}
    written.update(id for id, _ in writes.journal)
    written.update(id for id, _ in writes.listeners)
    written.update(id for id, _ in writes.held)
    return written
