"""State of a key."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import StateKeys, StateValue
from perdure_runtime.partition.effect import Notify, Start
from perdure_runtime.partition.lifecycle.begin import EAGER_BYTES
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    ALICE_READ,
    BOB,
    NOTHING,
    WRITER,
    clear_all_state,
    clear_state,
    completion,
    get_state,
    get_state_keys,
    read_state,
    set_state,
    sleep,
)

PLACE = (ALICE.service, "alice")


def _state_at_start(step: Step) -> dict[str, bytes]:
    (start,) = (effect for effect in step.effects if isinstance(effect, Start))
    return start.state


def test_a_set_is_journaled_and_written(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)

    assert room.command("inv_a", 0, set_state("balance", b"10")) == Step(
        Writes(journal={("inv_a", 0): set_state("balance", b"10")}, state={(*PLACE, "balance"): b"10"}), []
    )


def test_the_next_handler_of_the_key_starts_with_the_state(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("name", b"Alice"))
    room.end("inv_a")

    assert _state_at_start(room.submit("inv_b", ALICE, mode=WRITER)) == {"balance": b"10", "name": b"Alice"}


def test_a_clear_removes_one_name(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("name", b"Alice"))
    step = room.command("inv_a", 2, clear_state("balance"))

    assert step.writes.state == {(*PLACE, "balance"): None}
    assert room.store.states[PLACE] == {"name": b"Alice"}


def test_clearing_what_is_not_set_is_harmless(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, clear_state("balance"))

    assert room.store.states[PLACE] == {}


def test_a_shared_handler_reads_what_is_set_so_far(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))

    assert _state_at_start(room.submit("inv_r", ALICE_READ)) == {"balance": b"10"}


def test_what_a_start_carries_does_not_change_under_it(room: Room) -> None:
    step = room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))

    assert _state_at_start(step) == {}


def test_keys_have_states_of_their_own(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))

    assert _state_at_start(room.submit("inv_b", BOB, mode=WRITER)) == {}


def test_a_repeated_set_does_not_bring_an_old_value_back(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("balance", b"20"))

    assert room.command("inv_a", 0, set_state("balance", b"10")) == NOTHING


def test_a_start_carries_the_state_as_it_is_now_own_writes_included(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))

    # What the handler read before stands in its journal, and the machine of the next attempt reads it there.
    assert _state_at_start(room.lose("inv_a")) == {"balance": b"10"}


def test_a_shared_handler_starts_again_with_what_it_read_before_the_writer_changed_it(room: Room) -> None:
    room.submit("inv_r", ALICE_READ)
    room.command("inv_r", 0, set_state("balance", b"1"))
    room.command("inv_r", 1, sleep(1_000))
    room.submit("inv_w", ALICE, mode=WRITER)
    room.command("inv_w", 0, set_state("balance", b"2"))
    step = room.lose("inv_r")

    (start,) = [effect for effect in step.effects if isinstance(effect, Start)]
    assert start.state == {"balance": b"2"}
    assert start.journal[0] == set_state("balance", b"1")


def test_clearing_all_removes_every_name(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("name", b"Alice"))
    step = room.command("inv_a", 2, clear_all_state())

    assert step == Step(
        Writes(journal={("inv_a", 2): clear_all_state()}, state={(*PLACE, "balance"): None, (*PLACE, "name"): None}), []
    )
    assert room.store.states[PLACE] == {}


def test_clearing_all_where_nothing_is_set_is_harmless(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)

    assert room.command("inv_a", 0, clear_all_state()).writes.state == {}


def test_a_shared_handler_clears_nothing(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.submit("inv_r", ALICE_READ)

    assert room.command("inv_r", 0, clear_all_state()).writes.state == {}


def test_state_of_up_to_64_kib_travels_with_the_attempt(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("a", bytes(EAGER_BYTES - 1)))
    room.command("inv_a", 1, set_state("b", b"1"))
    (start,) = room.lose("inv_a").effects

    assert isinstance(start, Start)
    assert start.state.keys() == {"a", "b"}
    assert not start.partial


def test_of_more_state_the_smallest_values_travel_and_the_attempt_is_told(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    for command, (name, size) in enumerate({"a": 40_000, "b": 40_000, "c": 20_000, "d": 60_000}.items()):
        room.command("inv_a", command, set_state(name, bytes(size)))
    (start,) = room.lose("inv_a").effects

    assert isinstance(start, Start)
    assert start.state.keys() == {"a", "c"}
    assert start.partial


def test_a_handler_reads_what_did_not_travel(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b""))
    room.command("inv_a", 1, get_state("balance"))
    room.command("inv_a", 2, get_state("name"))

    assert _value(room, 1) == StateValue(value=b"")
    assert _value(room, 2) == StateValue()
    assert not _value(room, 2).HasField("value")


def test_a_shared_handler_reads_what_is_set_when_it_asks(room: Room) -> None:
    room.submit("inv_r", ALICE_READ)
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    step = room.command("inv_r", 0, get_state("balance"))

    value = StateValue(value=b"10").SerializeToString()
    assert step.effects == [Notify("inv_r", 1, completion(0, NOW_MS, value))]


def test_a_handler_lists_the_names_that_are_set(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, get_state_keys())
    for command, name in enumerate(("name", "balance", "limit"), start=1):
        room.command("inv_a", command, set_state(name, b"1"))
    room.command("inv_a", 4, clear_state("limit"))
    room.command("inv_a", 5, get_state_keys())

    assert _keys(room, 0) == []
    assert _keys(room, 5) == ["balance", "name"]


def _value(room: Room, command: int) -> StateValue:
    result = room.result("inv_a", command)
    assert isinstance(result, bytes)
    return StateValue.FromString(result)


def _keys(room: Room, command: int) -> list[str]:
    result = room.result("inv_a", command)
    assert isinstance(result, bytes)
    return list(StateKeys.FromString(result).names)


@pytest.mark.parametrize("value", [b"10", None])
def test_a_recorded_read_writes_nothing(room: Room, value: bytes | None) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    entry = read_state("balance", value)

    assert room.command("inv_a", 0, entry) == Step(Writes(journal={("inv_a", 0): entry}), [])
