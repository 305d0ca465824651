"""What a step or a batch of steps changes in storage."""

from dataclasses import dataclass, field

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome

from perdure_runtime.partition.rows import Caller, Channel, IdempotencyKey, Invocation, ObjectRow, PromiseRow, Timer


@dataclass(slots=True)
class Writes:
    """Rows by key; None deletes. Later writes of a row replace earlier ones, so a batch writes each row once.

    ``inserted`` tells which invocations are new: of the others only what changes is written. ``purged`` invocations go
    with their journals and what is held for them, of ``forgotten`` ones the journal alone goes. ``timers`` maps a timer
    to whether it is set. ``held`` is by invocation and command; ``channels`` and ``received`` are by source and
    destination, ``outbox`` by source, destination and number. ``marks`` are positions by partition and source.
    """

    invocations: dict[str, Invocation] = field(default_factory=dict)
    inserted: set[str] = field(default_factory=set)
    purged: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    journal: dict[tuple[str, int], Entry] = field(default_factory=dict)
    listeners: dict[tuple[str, Caller], bool] = field(default_factory=dict)
    objects: dict[tuple[str, str], ObjectRow | None] = field(default_factory=dict)
    inbox: dict[tuple[str, str, int], str | None] = field(default_factory=dict)
    state: dict[tuple[str, str, str], bytes | None] = field(default_factory=dict)
    idempotency: dict[IdempotencyKey, str | None] = field(default_factory=dict)
    promises: dict[tuple[str, str, str], PromiseRow | None] = field(default_factory=dict)
    timers: dict[Timer, bool] = field(default_factory=dict)
    held: dict[tuple[str, int], Outcome | None] = field(default_factory=dict)
    channels: dict[tuple[int, int], Channel] = field(default_factory=dict)
    outbox: dict[tuple[int, int, int], Message | None] = field(default_factory=dict)
    received: dict[tuple[int, int], int] = field(default_factory=dict)
    marks: dict[tuple[int, str], int] = field(default_factory=dict)

    def merge(self, later: "Writes") -> None:
        """Adds what happened after."""
        # Most steps touch two or three tables: empty ones are passed over.
        if later.invocations:
            self.invocations.update(later.invocations)
        if later.inserted:
            self.inserted |= later.inserted
        if later.purged:
            self.purged |= later.purged
        if later.forgotten:
            self.forgotten |= later.forgotten
        if later.journal:
            self.journal.update(later.journal)
        if later.listeners:
            self.listeners.update(later.listeners)
        if later.objects:
            self.objects.update(later.objects)
        if later.inbox:
            self.inbox.update(later.inbox)
        if later.state:
            self.state.update(later.state)
        if later.idempotency:
            self.idempotency.update(later.idempotency)
        if later.promises:
            self.promises.update(later.promises)
        if later.timers:
            self.timers.update(later.timers)
        if later.held:
            self.held.update(later.held)
        if later.channels:
            self.channels.update(later.channels)
        if later.outbox:
            self.outbox.update(later.outbox)
        if later.received:
            self.received.update(later.received)
        if later.marks:
            self.marks.update(later.marks)

    def __bool__(self) -> bool:
        return bool(
            self.invocations
            or self.journal
            or self.timers
            or self.state
            or self.objects
            or self.inbox
            or self.idempotency
            or self.listeners
            or self.purged
            or self.forgotten
            or self.promises
            or self.held
            or self.channels
            or self.outbox
            or self.received
            or self.marks
        )
