"""Memory has the documents of the partitions that are here, and of no others."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Channel, IdempotencyKey
from perdure_runtime.partition.view import (
    ChannelDocument,
    HeldDocument,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    NotLoaded,
    ObjectDocument,
    PromisesDocument,
    ReceivedDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes

from tests.partition.room import Room
from tests.partition.samples import EMAIL, WRITER, get_promise, set_state
from tests.partition.town import Town

TWO = Placement(2)


def _missing(memory: Memory, partition: int) -> set[type]:
    """Kinds of documents that memory would have to ask storage for, of all those of ``_fill``."""
    town = Town(0, 0)
    id, target = town.mint(partition), town.account(partition)
    place = (target.service, target.key)
    missing = set()
    for ask in (
        lambda: memory.invocation(id),
        lambda: memory.journal(id),
        lambda: memory.listeners(id),
        lambda: memory.held(id),
        lambda: memory.object(*place),
        lambda: memory.inbox(*place, 0),
        lambda: memory.state(*place),
        lambda: memory.promises(*place),
        lambda: memory.idempotent(IdempotencyKey(EMAIL, town.key(EMAIL, partition))),
        lambda: memory.channel(partition, 1 - partition),
        lambda: memory.received(1 - partition, partition),
    ):
        try:
            ask()
        except NotLoaded as lacks:
            missing.add(type(lacks.document))
    return missing


ALL = {
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    HeldDocument,
    ObjectDocument,
    InboxDocument,
    StateDocument,
    PromisesDocument,
    IdempotencyDocument,
    ChannelDocument,
    ReceivedDocument,
}


def _fill(memory: Memory, partition: int) -> None:
    """Loads one of each document of a partition."""
    town = Town(0, 0)
    id, target = town.mint(partition), town.account(partition)
    place = (target.service, target.key)
    memory.load(InvocationDocument(id), None)
    memory.load(JournalDocument(id), [])
    memory.load(ListenersDocument(id), ())
    memory.load(HeldDocument(id), {0: Outcome()})
    memory.load(ObjectDocument(*place), None)
    memory.load(InboxDocument(*place, 0), None)
    memory.load(StateDocument(*place), {"balance": b"5"})
    memory.load(PromisesDocument(*place), {})
    memory.load(IdempotencyDocument(IdempotencyKey(EMAIL, town.key(EMAIL, partition))), None)
    memory.load(ChannelDocument(partition, 1 - partition), None)
    memory.load(ReceivedDocument(1 - partition, partition), None)


def test_all_partitions_are_here_where_nothing_else_is_said() -> None:
    assert Memory(TWO).owned == {0, 1}
    assert Memory().owns(0)


def test_partitions_come_and_go() -> None:
    memory = Memory(TWO, [0])
    memory.gain([1])
    assert memory.owned == {0, 1}
    assert memory.owns(1)

    memory.release([0])
    assert memory.owned == {1}
    assert not memory.owns(0)


def test_all_documents_of_a_partition_go_with_it_and_no_others() -> None:
    memory = Memory(TWO)
    for partition in (0, 1):
        _fill(memory, partition)
    assert _missing(memory, 0) == _missing(memory, 1) == set()

    memory.release([1])
    assert _missing(memory, 1) == ALL
    # Where the next in line stands is read again in no time.
    assert _missing(memory, 0) == {InboxDocument}


def test_what_is_not_durable_goes_too_and_its_commit_finds_nothing_of_it() -> None:
    room, town = Room(TWO), Town(0, 0)
    alice, signup = town.account(1), town.workflow(1)
    first, second, run = town.mint(1), town.mint(1), town.mint(1)
    writes = Writes()
    for step in (
        room.submit(first, alice, mode=WRITER),
        room.submit(second, alice, mode=WRITER, idempotency_key="k"),
        room.command(first, 0, set_state("balance", b"1")),
        room.run(run, signup),
        room.command(run, 0, get_promise("paid")),
    ):
        writes.merge(step.writes)

    room.memory.release([1])
    room.memory.settle(writes, Writes())
    assert room.memory.invocations == 0
    with pytest.raises(NotLoaded):
        room.memory.inbox(alice.service, alice.key, 0)
    with pytest.raises(NotLoaded):
        room.memory.idempotent(IdempotencyKey(alice, "k"))


def test_a_channel_without_rows_is_at_its_beginning() -> None:
    memory = Memory(TWO)
    _fill(memory, 0)

    assert memory.channel(0, 1) == Channel()
    assert memory.received(1, 0) == 0


def test_channels_stay_when_all_else_goes() -> None:
    memory = Memory(TWO)
    memory.absorb(Writes(channels={(0, 1): Channel(3, 2)}, received={(1, 0): 4}))
    memory.settle(Writes(channels={(0, 1): Channel(3, 2)}, received={(1, 0): 4}), Writes())

    assert (memory.channel(0, 1), memory.received(1, 0)) == (Channel(3, 2), 4)
