"""One step in the making: reads see the writes made so far."""

from collections.abc import Mapping

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome

from perdure_runtime.partition.effect import Deliver, Effect
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.rows import (
    Caller,
    Channel,
    IdempotencyKey,
    Invocation,
    Mark,
    ObjectRow,
    Place,
    PromiseRow,
    Timer,
)
from perdure_runtime.partition.view import View
from perdure_runtime.partition.writes import Writes


class Draft:
    """Collects the writes and effects of one input over an unchanged view."""

    __slots__ = ("_added", "_settled", "_view", "effects", "now_ms", "placement", "writes")

    def __init__(self, view: View, now_ms: int) -> None:
        self._view = view
        self._added: dict[str, list[Entry]] = {}
        self._settled: set[tuple[str, int]] = set()
        self.now_ms = now_ms
        self.placement = view.placement
        self.writes = Writes()
        self.effects: list[Effect] = []

    def emit(self, effect: Effect) -> None:
        """Asks for something outside."""
        self.effects.append(effect)

    def owns(self, partition: int) -> bool:
        """Whether a partition is here."""
        return self._view.owns(partition)

    def is_near(self, source: int, destination: int) -> bool:
        """Whether ``source``, which is here, deals with ``destination`` at once, and not by messages.

        What it has said to it before must have arrived: else the order would be lost.
        """
        if source == destination:
            return True
        if not self._view.owns(destination):
            return False
        channel = self.channel(source, destination)
        return channel.sent == channel.acknowledged

    def send(self, source: int, destination: int, message: Message) -> None:
        """Gives a message to the outbox of a partition that is here."""
        channel = self.channel(source, destination)
        seq = channel.sent + 1
        self.put_channel(source, destination, Channel(seq, channel.acknowledged))
        self.writes.outbox[source, destination, seq] = message
        self.emit(Deliver(source, destination, seq, message))

    def drop(self, source: int, destination: int, seq: int) -> None:
        """Removes a message from the outbox."""
        self.writes.outbox[source, destination, seq] = None

    def channel(self, source: int, destination: int) -> Channel:
        """How far the messages from one partition to another have come, with those of this step."""
        return self.writes.channels.get((source, destination)) or self._view.channel(source, destination)

    def put_channel(self, source: int, destination: int, channel: Channel) -> None:
        """Changes how far messages have come."""
        self.writes.channels[source, destination] = channel

    def received(self, source: int, destination: int) -> int:
        """The number of the last message that a partition has from another one."""
        return self._view.received(source, destination)

    def put_received(self, source: int, destination: int, seq: int) -> None:
        """Takes note of a message that has come."""
        self.writes.received[source, destination] = seq

    def mark(self, partition: int, source: str) -> int | None:
        """How far a source has come in a partition; None before the first."""
        return self._view.mark(partition, source)

    def put_mark(self, partition: int, mark: Mark) -> None:
        """Takes note that a source has come so far."""
        self.writes.marks[partition, mark.source] = mark.position

    def invocation(self, invocation_id: str) -> Invocation | None:
        """The invocation as this step has left it."""
        if invocation_id in self.writes.purged:
            return None
        return self.writes.invocations.get(invocation_id) or self._view.invocation(invocation_id)

    def insert(self, invocation: Invocation) -> None:
        """Adds a new invocation."""
        self.writes.inserted.add(invocation.id)
        self.writes.invocations[invocation.id] = invocation

    def put(self, invocation: Invocation) -> None:
        """Changes an invocation."""
        self.writes.invocations[invocation.id] = invocation

    def purge(self, invocation_id: str) -> None:
        """Removes an invocation and its journal."""
        self.writes.purged.add(invocation_id)

    def forget_journal(self, invocation_id: str) -> None:
        """Removes the journal of an ended invocation."""
        self.writes.forgotten.add(invocation_id)

    def journal(self, invocation_id: str) -> Journal:
        """The journal as this step has left it."""
        before = Journal() if invocation_id in self.writes.inserted else self._view.journal(invocation_id)
        added = self._added.get(invocation_id)
        return Journal([*before.entries, *added]) if added else before

    def append(self, invocation_id: str, entry: Entry) -> None:
        """Adds an entry to a journal."""
        before = 0 if invocation_id in self.writes.inserted else len(self._view.journal(invocation_id))
        added = self._added.setdefault(invocation_id, [])
        self.writes.journal[invocation_id, before + len(added)] = entry
        added.append(entry)
        if entry.HasField("completion"):
            self._settled.add((invocation_id, entry.completion.command))

    def settled(self, invocation_id: str, command: int) -> bool:
        """Whether a command has its completion, as this step has left it."""
        # Asked right after an entry was added: building the whole journal anew would cost its length for each command.
        if (invocation_id, command) in self._settled:
            return True
        return self._view.journal(invocation_id).settled(command)

    def listeners(self, invocation_id: str) -> tuple[Caller, ...]:
        """Who else waited for the end of an invocation before this step, in any order."""
        return self._view.listeners(invocation_id)

    def listen(self, invocation_id: str, caller: Caller) -> None:
        """Makes a command wait for the end of an invocation."""
        self._view.listeners(invocation_id)
        self.writes.listeners[invocation_id, caller] = True

    def unlisten(self, invocation_id: str, caller: Caller) -> None:
        """Removes a waiting command."""
        self.writes.listeners[invocation_id, caller] = False

    def object(self, service: str, key: str) -> ObjectRow | None:
        """The lock of a key as this step has left it."""
        written = self.writes.objects
        return written[service, key] if (service, key) in written else self._view.object(service, key)

    def put_object(self, service: str, key: str, row: ObjectRow | None) -> None:
        """Changes the lock of a key; None frees it."""
        self.writes.objects[service, key] = row

    def inbox(self, service: str, key: str, seq: int) -> Place | None:
        """The first place in line that is taken, from ``seq`` on, as this step has left it.

        Nobody joins a line in the step that hands its key over: all places that this step has written were left.
        """
        written = self.writes.inbox
        while True:
            while (service, key, seq) in written:
                seq += 1
            place = self._view.inbox(service, key, seq)
            if place is None or (service, key, place.seq) not in written:
                return place
            seq = place.seq

    def put_inbox(self, service: str, key: str, seq: int, invocation_id: str | None) -> None:
        """Takes or leaves a place in line."""
        self.writes.inbox[service, key, seq] = invocation_id

    def state(self, service: str, key: str) -> Mapping[str, bytes]:
        """All state of a key."""
        return self._view.state(service, key)

    def put_state(self, service: str, key: str, name: str, value: bytes | None) -> None:
        """Sets or clears one name of the state."""
        # The document must be in memory, or a load before the commit would bring the old value back.
        self._view.state(service, key)
        self.writes.state[service, key, name] = value

    def idempotent(self, key: IdempotencyKey) -> str | None:
        """The invocation that an idempotency key names."""
        return self._view.idempotent(key)

    def put_idempotent(self, key: IdempotencyKey, invocation_id: str | None) -> None:
        """Lets an idempotency key name an invocation, or none any more."""
        self.writes.idempotency[key] = invocation_id

    def promise(self, service: str, key: str, name: str) -> PromiseRow:
        """A promise of a workflow id as this step has left it."""
        written = self.writes.promises.get((service, key, name))
        return written or self._view.promises(service, key).get(name) or PromiseRow()

    def promises(self, service: str, key: str) -> Mapping[str, PromiseRow]:
        """All promises of a workflow id as they were before this step."""
        return self._view.promises(service, key)

    def put_promise(self, service: str, key: str, name: str, row: PromiseRow | None) -> None:
        """Changes a promise; None removes it."""
        self._view.promises(service, key)
        self.writes.promises[service, key, name] = row

    def is_held(self, caller: Caller) -> bool:
        """Whether something is held for a command."""
        place = (caller.invocation_id, caller.command)
        # Asked for each of a crowd: looking through all that is held would cost its square.
        return place in self.writes.held or caller.command in self._view.held(caller.invocation_id)

    def hold(self, caller: Caller, outcome: Outcome) -> None:
        """Keeps a result for a command until its invocation is told of its cancellation."""
        # The document must be in memory, as with state.
        self._view.held(caller.invocation_id)
        self.writes.held[caller.invocation_id, caller.command] = outcome

    def take_held(self, invocation_id: str) -> list[tuple[int, Outcome]]:
        """Removes all that is held for an invocation, and gives it in the order of its commands."""
        before, written = self._view.held(invocation_id), self.writes.held
        came = {command: row for (id, command), row in written.items() if id == invocation_id and row is not None}
        for command in came:
            # What came with this step alone leaves no trace in storage.
            del written[invocation_id, command]
        for command in before:
            written[invocation_id, command] = None
        return sorted({**before, **came}.items(), key=lambda item: item[0])

    def set_timer(self, timer: Timer) -> None:
        """Adds a timer."""
        self.writes.timers[timer] = True

    def clear_timer(self, timer: Timer) -> None:
        """Removes a timer."""
        self.writes.timers[timer] = False
