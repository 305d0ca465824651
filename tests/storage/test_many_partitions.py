"""Storages with many partitions: one batch writes several, under the epoch of each, and each is its owner's to read."""

from dataclasses import replace

import pytest
from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition import ids
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Caller,
    Channel,
    IdempotencyKey,
    Invocation,
    ObjectRow,
    PromiseRow,
    Target,
    Timer,
    WakeDue,
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
from perdure_runtime.storage.api import Database, DeploymentRow, Fallback, Parcel, StaleEpoch

from tests.storage.conftest import make_home
from tests.storage.homes import Home
from tests.storage.samples import bare, ended, entries, inserting, save

PARTITIONS = 4
PLACEMENT = Placement(PARTITIONS)
HELD, OTHER = Outcome(value=b"held"), Outcome(value=b"other")


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def home(request: pytest.FixtureRequest) -> Home:
    """A home with four partitions."""
    return make_home(request, request.param, PARTITIONS)


def id_in(partition: int, number: int = 0) -> str:
    """An invocation id of a partition."""
    return ids.mint(number, 0, partition * (1 << 16) // PARTITIONS)


def key_in(partition: int) -> str:
    """A key of service "s" that lies in a partition."""
    return next(key for n in range(1_000) if PLACEMENT.of_key("s", key := f"k{n}") == partition)


def name_in(partition: int) -> IdempotencyKey:
    """An idempotency key that lies in a partition with the object that it is for."""
    return IdempotencyKey(Target("s", "H", key_in(partition)), "o-1")


def message(id: str) -> Message:
    """A message to a command of an invocation."""
    return Message(result=message_pb2.Result(caller=message_pb2.Caller(invocation_id=id)))


def everything_in(partition: int) -> Writes:
    """A row of each sort in one partition."""
    id, key, other = id_in(partition), key_in(partition), (partition + 1) % PARTITIONS
    writes = inserting(bare(id), ended(id_in(partition, 1), 5))
    writes.journal[id, 0] = entries(1)[0]
    writes.listeners[id, Caller("inv_x", 0)] = True
    writes.objects["s", key] = ObjectRow(id, 1, 2)
    writes.inbox["s", key, 1] = id
    writes.state["s", key, "a"] = b"1"
    writes.idempotency[name_in(partition)] = id
    writes.promises["s", key, "p"] = PromiseRow(waiting=(Caller(id, 0),))
    writes.timers[Timer(5, id, WakeDue(0))] = True
    writes.held[id, 3] = HELD
    writes.channels[partition, other] = Channel(1, 0)
    writes.outbox[partition, other, 1] = message(id)
    writes.received[other, partition] = 7
    writes.marks[partition, "topic/1"] = 7
    return writes


def documents_of(partition: int) -> list[Document]:
    """All documents that ``everything_in`` writes."""
    id, key, other = id_in(partition), key_in(partition), (partition + 1) % PARTITIONS
    return [
        *(kind(id) for kind in (InvocationDocument, JournalDocument, ListenersDocument, HeldDocument)),
        *(kind("s", key) for kind in (ObjectDocument, StateDocument, PromisesDocument)),
        InboxDocument("s", key, 0),
        IdempotencyDocument(name_in(partition)),
        ChannelDocument(partition, other),
        ReceivedDocument(other, partition),
        MarkDocument(partition, "topic/1"),
    ]


def save_everywhere(storage: Database) -> None:
    """One batch with everything in each partition."""
    batch = Writes()
    for partition in range(PARTITIONS):
        batch.merge(everything_in(partition))
    save(storage, batch)


@pytest.fixture
def epochs(storage: Database) -> dict[int, int]:
    """What the storage owns."""
    owned = storage.acquire()
    assert sorted(owned) == list(range(PARTITIONS))
    return owned


def test_a_batch_writes_many_partitions_at_once(home: Home, storage: Database) -> None:
    save_everywhere(storage)
    storage.close()
    storage = home.open()
    storage.acquire()
    for partition in range(PARTITIONS):
        assert all(storage.load(document) for document in documents_of(partition))
    assert storage.timers(0, 9, None) == [Timer(5, id_in(n), WakeDue(0)) for n in range(PARTITIONS)]
    storage.close()


def test_recovery_reads_the_partitions_that_it_asks_for(storage: Database) -> None:
    save(storage, inserting(*(bare(id_in(n % PARTITIONS, n)) for n in range(12))))
    found = [row.id for row in storage.active([1, 3], "", 4)]
    assert found == [id_in(n % PARTITIONS, n) for n in (1, 3, 5, 7)]
    assert [row.id for row in storage.active([1, 3], found[-1], 4)] == [id_in(1, 9), id_in(3, 11)]
    assert storage.active([], "", 4) == []


def test_only_what_is_owned_is_read(storage: Database, epochs: dict[int, int]) -> None:
    save_everywhere(storage)
    storage.own({1: epochs[1], 2: epochs[2]})
    for document in documents_of(1):
        assert storage.load(document)
    for document in documents_of(3):
        with pytest.raises(RuntimeError, match="in partition 3, which this storage does not own"):
            storage.load(document)
    assert storage.timers(0, 9, 9) == [Timer(5, id_in(n), WakeDue(0)) for n in (1, 2)]
    assert storage.timers(0, 9, 1) == [Timer(5, id_in(1), WakeDue(0))]
    assert storage.expired(9, 9) == [id_in(1, 1), id_in(2, 1)]


def test_a_batch_for_what_is_not_owned_names_it_and_keeps_nothing(storage: Database, epochs: dict[int, int]) -> None:
    storage.own({1: epochs[1], 2: epochs[2]})
    batch = everything_in(0)
    for partition in (1, 3):
        batch.merge(everything_in(partition))
    with pytest.raises(StaleEpoch) as stale:
        save(storage, batch)
    assert stale.value.partitions == {0, 3}
    assert storage.load(InvocationDocument(id_in(1))) is None
    save(storage, everything_in(2))


def test_a_batch_names_the_partitions_that_it_touches_and_that_were_taken(home: Home, storage: Database) -> None:
    save(storage, everything_in(0))
    home.lose_lock()
    successor = home.open()
    successor.acquire()
    batch = everything_in(1)
    batch.merge(everything_in(3))
    with pytest.raises(StaleEpoch) as stale:
        save(storage, batch)
    assert stale.value.partitions == {1, 3}
    assert [row.id for row in successor.active(range(PARTITIONS), "", 9)] == [id_in(0)]
    successor.close()


@pytest.mark.parametrize(
    "stale",
    [
        everything_in(1),
        Writes(received={(3, 1): 1}),
        Writes(held={(id_in(1), 0): HELD}),
        Writes(marks={(1, "topic/1"): 8}),
    ],
)
def test_rows_of_any_table_are_under_the_epoch_of_their_partition(
    storage: Database, epochs: dict[int, int], stale: Writes
) -> None:
    storage.own({**epochs, 1: epochs[1] - 1})
    with pytest.raises(StaleEpoch) as refused:
        save(storage, stale)
    assert refused.value.partitions == {1}
    save(storage, Writes(received={(1, 3): 1}))


def test_a_staged_batch_goes_by_what_was_owned_then(storage: Database, epochs: dict[int, int]) -> None:
    storage.stage(everything_in(1))
    storage.own({})
    storage.commit()
    storage.own(epochs)
    assert storage.load(InvocationDocument(id_in(1))) == bare(id_in(1))


def test_messages_stand_in_the_outbox_in_order_until_they_are_deleted(storage: Database) -> None:
    sent = [(1, 0, 1), (1, 0, 2), (1, 3, 1), (2, 0, 1), (1, 0, 10)]
    save(storage, Writes(outbox={place: message(str(place)) for place in reversed(sent)}))
    parcels = [Parcel(*place, message(str(place))) for place in sorted(sent)]
    assert storage.outbox([1]) == [parcel for parcel in parcels if parcel.source == 1]
    assert storage.outbox([2, 1, 3]) == parcels
    save(storage, Writes(outbox={(1, 0, 1): None, (1, 0, 9): None}))
    kept = [parcel for parcel in parcels if (parcel.source, parcel.destination, parcel.seq) != (1, 0, 1)]
    assert storage.outbox([1, 2]) == kept
    assert storage.outbox([]) == []


def test_channels_and_what_was_received_change(storage: Database) -> None:
    save(storage, Writes(channels={(1, 2): Channel(1, 0), (1, 3): Channel(5, 5)}, received={(2, 1): 1}))
    save(storage, Writes(channels={(1, 2): Channel(2, 1)}, received={(2, 1): 2, (1, 2): 9}))
    assert storage.load(ChannelDocument(1, 2)) == Channel(2, 1)
    assert storage.load(ChannelDocument(1, 3)) == Channel(5, 5)
    assert storage.load(ChannelDocument(2, 1)) is None
    assert storage.load(ReceivedDocument(2, 1)) == 2
    assert storage.load(ReceivedDocument(1, 2)) == 9


def test_held_results_come_and_go_and_go_with_a_purge(storage: Database) -> None:
    first, second = id_in(1), id_in(2)
    batch = inserting(bare(first), bare(second))
    batch.held = {(first, 0): HELD, (first, 2): HELD, (second, 0): OTHER}
    save(storage, batch)
    save(storage, Writes(held={(first, 0): None, (first, 2): OTHER, (first, 7): None}))
    assert storage.load(HeldDocument(first)) == {2: OTHER}
    save(storage, Writes(purged={first}, held={(first, 3): HELD}))
    assert storage.load(HeldDocument(first)) == {}
    assert storage.load(HeldDocument(second)) == {0: OTHER}


def test_a_survey_sees_all_partitions_whoever_owns_them(storage: Database, epochs: dict[int, int]) -> None:
    def pinned(partition: int) -> Invocation:
        return replace(bare(id_in(partition, 9)), target=Target("s", "H", key_in(partition)), deployment_id="dp_1")

    save_everywhere(storage)
    save(storage, inserting(*(pinned(partition) for partition in range(PARTITIONS))))
    over = [replace(ended(id_in(n, 20), 5), target=Target("s", "H", key_in(n))) for n in range(PARTITIONS)]
    batch = inserting(*over)
    batch.journal = {(row.id, 0): entries(1)[0] for row in over}
    save(storage, batch)
    storage.own({0: epochs[0]})
    assert storage.in_flight("dp_1", 3) == [pinned(0), pinned(1), pinned(2)]
    assert storage.ended("s", 3) == [over[3], over[2], over[1]]
    assert storage.usage("s").state == {"a": PARTITIONS}
    assert storage.usage("s").open == {"H": PARTITIONS}
    assert storage.entries(id_in(3)) == entries(1)


def test_deployments_need_no_partition(home: Home, storage: Database) -> None:
    storage.own({})
    row = DeploymentRow("dp_1", "localhost:9080", ("s",), b"d", 1)
    storage.add_deployment(row)
    assert storage.deployments() == [row]
    storage.remove_deployment("dp_1")
    assert storage.deployments() == []


@pytest.mark.parametrize("kind", ["postgres", "memory"])
def test_messages_for_a_partition_are_found_where_nodes_cannot_reach_each_other(
    request: pytest.FixtureRequest, kind: str
) -> None:
    storage = make_home(request, kind, PARTITIONS).open()
    storage.acquire()
    sent = [(0, 1, 1), (0, 1, 2), (0, 2, 1), (3, 1, 5)]
    save(storage, Writes(outbox={place: message("m") for place in sent}, received={(0, 1): 1, (0, 2): 4}))
    storage.own({})
    other: Fallback = storage  # type: ignore[assignment]  # these two kinds are one
    assert other.inbound([1]) == [Parcel(*place, message("m")) for place in ((0, 1, 1), (0, 1, 2), (3, 1, 5))]
    assert other.inbound([2, 3]) == [Parcel(0, 2, 1, message("m"))]
    assert other.arrived([(0, 1), (3, 1)]) == {(0, 1): 1, (3, 1): 0}
    assert other.arrived([]) == {}
    storage.close()
