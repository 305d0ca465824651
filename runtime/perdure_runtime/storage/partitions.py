"""Which partitions rows are in, for batches, for documents and for what operators ask."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import assert_never

from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import IdempotencyKey, Target
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
from perdure_runtime.storage.views import (
    IDEMPOTENCY,
    INBOX,
    INVOCATION,
    JOURNAL_ENTRY,
    OBJECT,
    PROMISE,
    STATE,
    TIMER,
    Condition,
    Operator,
    View,
)

# The column of a view that says which invocation a row is of.
_IDS = {INVOCATION: "id", JOURNAL_ENTRY: "invocation_id", TIMER: "invocation_id"}
_OF_KEYS = (INVOCATION, OBJECT, STATE, INBOX, PROMISE)


class Partitions:
    """Where the rows of one batch are; ``touched`` gathers the partitions of all that was asked for."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        # A batch has many rows of few invocations and objects.
        self._of_invocations: dict[str, int] = {}
        self._of_keys: dict[tuple[str, str], int] = {}
        self._others: set[int] = set()

    @property
    def touched(self) -> set[int]:
        """The partitions that rows are in."""
        return self._others.union(self._of_invocations.values(), self._of_keys.values())

    def of_invocation(self, invocation_id: str) -> int:
        """Where all of an invocation is."""
        partition = self._of_invocations.get(invocation_id)
        if partition is None:
            partition = self._of_invocations[invocation_id] = self._placement.of_invocation(invocation_id)
        return partition

    def of_key(self, service: str, key: str) -> int:
        """Where all of an object or a workflow is."""
        partition = self._of_keys.get((service, key))
        if partition is None:
            partition = self._of_keys[service, key] = self._placement.of_key(service, key)
        return partition

    def of_name(self, name: IdempotencyKey) -> int:
        """Where it stands what an idempotency key names."""
        return self.same(self._placement.of_name(name))

    def same(self, partition: int) -> int:
        """A row that says its partition itself."""
        self._others.add(partition)
        return partition


def partitions_of(writes: Writes, placement: Placement) -> set[int]:
    """The partitions that a batch writes."""
    if placement.partitions == 1:
        return {0}
    partitions = Partitions(placement)
    for id in _invocations_of(writes):
        partitions.of_invocation(id)
    for service, key in writes.objects:
        partitions.of_key(service, key)
    for table in (writes.inbox, writes.state, writes.promises):
        for service, key, _ in table:
            partitions.of_key(service, key)
    for name in writes.idempotency:
        partitions.of_name(name)
    for source, _ in writes.channels:
        partitions.same(source)
    for source, _, _ in writes.outbox:
        partitions.same(source)
    for _, destination in writes.received:
        partitions.same(destination)
    for partition, _ in writes.marks:
        partitions.same(partition)
    return partitions.touched


def partition_of(document: Document, placement: Placement) -> int:
    """The partition that a document is in."""
    if placement.partitions == 1:
        return 0
    match document:
        case InvocationDocument(id) | JournalDocument(id) | ListenersDocument(id) | HeldDocument(id):
            return placement.of_invocation(id)
        case ObjectDocument(service, key) | StateDocument(service, key) | PromisesDocument(service, key):
            return placement.of_key(service, key)
        case InboxDocument(service, key, _):
            return placement.of_key(service, key)
        case IdempotencyDocument(name):
            return placement.of_name(name)
        case ChannelDocument(source, _):
            return source
        case ReceivedDocument(_, destination):
            return destination
        case MarkDocument(partition, _):
            return partition
        case _:
            assert_never(document)


def partitions_asked(view: View, conditions: Sequence[Condition], placement: Placement) -> set[int] | None:
    """The partitions that rows which fit can be in; None where that may be all."""
    named = {each.column: tuple(map(str, each.values)) for each in conditions if each.operator is Operator.EQUAL}
    ids = named.get(_IDS[view]) if view in _IDS else None
    if ids is not None:
        return {placement.of_invocation(id) for id in ids}
    services, keys = named.get("service"), named.get("key")
    if services is None or keys is None:
        return None
    # Invocations without a key may be anywhere.
    if view in _OF_KEYS and all(keys):
        return {placement.of_key(service, key) for service, key in product(services, keys)}
    handlers, names = named.get("handler"), named.get("idempotency_key")
    if view == IDEMPOTENCY and handlers is not None and names is not None:
        targets = (Target(*of) for of in product(services, handlers, keys))
        return {placement.of_name(IdempotencyKey(target, name)) for target, name in product(targets, names)}
    return None


def _invocations_of(writes: Writes) -> Iterable[str]:
    yield from writes.invocations
    yield from writes.purged
    yield from writes.forgotten
    for id, _ in writes.journal:
        yield id
    for id, _ in writes.listeners:
        yield id
    for id, _ in writes.held:
        yield id
    for timer in writes.timers:
        yield timer.invocation_id
