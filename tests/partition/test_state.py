"""State of a key."""

from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.writes import Writes

from tests.partition.room import Room
from tests.partition.samples import ALICE, ALICE_READ, BOB, NOTHING, clear_state, set_state, sleep

PLACE = (ALICE.service, "alice")


def _state_at_start(step: Step) -> dict[str, bytes]:
    (start,) = (effect for effect in step.effects if isinstance(effect, Start))
    return start.state


def test_a_set_is_journaled_and_written(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)

    assert room.command("inv_a", 0, set_state("balance", b"10")) == Step(
        Writes(journal={("inv_a", 0): set_state("balance", b"10")}, state={(*PLACE, "balance"): b"10"}), []
    )


def test_the_next_handler_of_the_key_starts_with_the_state(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("name", b"Alice"))
    room.end("inv_a")

    assert _state_at_start(room.submit("inv_b", ALICE, exclusive=True)) == {"balance": b"10", "name": b"Alice"}


def test_a_clear_removes_one_name(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("name", b"Alice"))
    step = room.command("inv_a", 2, clear_state("balance"))

    assert step.writes.state == {(*PLACE, "balance"): None}
    assert room.store.states[PLACE] == {"name": b"Alice"}


def test_clearing_what_is_not_set_is_harmless(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, clear_state("balance"))

    assert room.store.states[PLACE] == {}


def test_a_shared_handler_reads_what_is_set_so_far(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))

    assert _state_at_start(room.submit("inv_r", ALICE_READ)) == {"balance": b"10"}


def test_what_a_start_carries_does_not_change_under_it(room: Room) -> None:
    step = room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))

    assert _state_at_start(step) == {}


def test_keys_have_states_of_their_own(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))

    assert _state_at_start(room.submit("inv_b", BOB, exclusive=True)) == {}


def test_a_repeated_set_does_not_bring_an_old_value_back(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, set_state("balance", b"20"))

    assert room.command("inv_a", 0, set_state("balance", b"10")) == NOTHING


def test_a_start_carries_the_state_as_it_is_now_own_writes_included(room: Room) -> None:
    room.submit("inv_a", ALICE, exclusive=True)
    room.command("inv_a", 0, set_state("balance", b"10"))

    # What the handler read before stands in its journal, and the machine of the next attempt reads it there.
    assert _state_at_start(room.lose("inv_a")) == {"balance": b"10"}


def test_a_shared_handler_starts_again_with_what_it_read_before_the_writer_changed_it(room: Room) -> None:
    room.submit("inv_r", ALICE_READ)
    room.command("inv_r", 0, set_state("balance", b"1"))
    room.command("inv_r", 1, sleep(1_000))
    room.submit("inv_w", ALICE, exclusive=True)
    room.command("inv_w", 0, set_state("balance", b"2"))
    step = room.lose("inv_r")

    (start,) = [effect for effect in step.effects if isinstance(effect, Start)]
    assert start.state == {"balance": b"2"}
    assert start.journal[0] == set_state("balance", b"1")
