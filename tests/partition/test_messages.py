"""A channel: each message counts once, in its order, however often and whenever it comes."""

from itertools import permutations

import pytest
from perdure_protos.perdure.peer.v1.message_pb2 import Ask, Caller, Message
from perdure_runtime.partition.effect import Acknowledge
from perdure_runtime.partition.input import Acknowledged, Receive
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import Channel
from perdure_runtime.partition.writes import Writes

from tests.partition.far import HERE, THERE, Far
from tests.partition.samples import NOTHING, run


@pytest.fixture
def town() -> Far:
    return Far()


def _ignored(last: int) -> Step:
    return Step(Writes(), [Acknowledge(HERE, THERE, last)])


def test_a_message_that_comes_again_is_acknowledged_again(town: Far) -> None:
    town.call_alice()
    (first,) = town.parcels()
    assert town.apply(first).effects[-1] == Acknowledge(HERE, THERE, 1)

    assert town.apply(first) == _ignored(1)


def test_a_message_that_comes_too_early_waits_for_those_before_it(town: Far) -> None:
    callees = [town.call_alice() for _ in range(2)]
    first, second = town.parcels()
    assert town.apply(second) == _ignored(0)

    town.apply(first)
    town.apply(second)
    assert town.store.line(town.alice.service, town.alice.key) == callees


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_whatever_the_order_all_come_in_the_end(town: Far, order: tuple[int, ...]) -> None:
    callees = [town.call_alice() for _ in range(3)]
    parcels = town.parcels()
    for number in [*order, *order, *order]:
        town.apply(parcels[number])

    assert town.store.line(town.alice.service, town.alice.key) == callees


def test_an_acknowledgement_empties_the_outbox_up_to_its_number(town: Far) -> None:
    for _ in range(3):
        town.call_alice()
    step = town.apply(Acknowledged(HERE, THERE, 2))

    assert step.writes == Writes(
        outbox={(HERE, THERE, 1): None, (HERE, THERE, 2): None}, channels={(HERE, THERE): Channel(3, 2)}
    )
    assert [parcel.seq for parcel in town.parcels()] == [3]


@pytest.mark.parametrize("seq", [0, 1, 2, 4])
def test_an_old_or_impossible_acknowledgement_changes_nothing(town: Far, seq: int) -> None:
    for _ in range(3):
        town.call_alice()
    town.apply(Acknowledged(HERE, THERE, 2))

    assert town.apply(Acknowledged(HERE, THERE, seq)) == NOTHING


@pytest.mark.parametrize("message", [Message(), Message(ask=Ask(caller=Caller(invocation_id="inv_a"), command=run()))])
def test_a_message_that_is_not_understood_is_not_lost(town: Far, message: Message) -> None:
    with pytest.raises(AssertionError, match=r"is of a kind that this perdure does not know|asks nothing of another"):
        town.apply(Receive(HERE, THERE, 1, message))

    assert town.store.arrived == {}
