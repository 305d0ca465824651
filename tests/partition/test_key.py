"""One writer a key, and the line before it."""

import pytest
from perdure_runtime.partition.effect import Accepted, Answer, Start
from perdure_runtime.partition.input import AttemptEnded
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.rows import Ended, ObjectRow, Queued, Running

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    ALICE_READ,
    BOB,
    FOREVER,
    ONCE,
    ONCE_THEN_PAUSE,
    WRITER,
    failure,
    outcome,
    set_state,
)

PLACE = (ALICE.service, "alice")


def test_the_first_call_of_a_key_takes_it(room: Room) -> None:
    step = room.submit("inv_a", ALICE, mode=WRITER)

    assert step.writes.objects == {PLACE: ObjectRow("inv_a", head=0, tail=0)}
    assert room.status("inv_a") == Running()


def test_a_second_call_waits_in_line_and_does_not_start(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    step = room.submit("inv_b", ALICE, mode=WRITER)

    assert step.writes.objects == {PLACE: ObjectRow("inv_a", head=0, tail=1)}
    assert step.writes.inbox == {(*PLACE, 0): "inv_b"}
    assert room.status("inv_b") == Queued(0)
    assert step.effects == [Accepted("inv_b", "inv_b")]


def test_a_key_goes_to_those_who_wait_in_the_order_they_came(room: Room) -> None:
    for id in ("inv_a", "inv_c", "inv_b"):
        room.submit(id, ALICE, mode=WRITER)

    step = room.end("inv_a", b"one")
    assert step.effects == [Answer("inv_a", outcome(b"one")), Start(room.row("inv_c"), journal=(), state={})]
    assert step.writes.objects == {PLACE: ObjectRow("inv_c", head=1, tail=2)}
    assert step.writes.inbox == {(*PLACE, 0): None}

    room.end("inv_c", b"two")
    assert room.status("inv_b") == Running()
    assert room.store.places == {}


def test_the_last_one_frees_the_key(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.end("inv_a")
    step = room.end("inv_b")

    assert step.writes.objects == {PLACE: None}
    assert room.store.objects == {}


def test_a_place_in_line_is_taken_again_after_the_line_was_empty(room: Room) -> None:
    for first, second in (("inv_a", "inv_b"), ("inv_c", "inv_d")):
        room.submit(first, ALICE, mode=WRITER)
        room.submit(second, ALICE, mode=WRITER)
        assert room.status(second) == Queued(0)
        room.end(first)
        room.end(second)


def test_the_next_in_line_starts_with_the_state_that_the_one_before_left(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    step = room.end("inv_a")

    assert step.effects[-1] == Start(room.row("inv_b"), journal=(), state={"balance": b"10"})


def test_keys_do_not_wait_for_one_another(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", BOB, mode=WRITER)

    assert room.status("inv_b") == Running()


def test_a_shared_handler_does_not_wait_and_leaves_the_lock_alone(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_r", ALICE_READ)
    assert room.status("inv_r") == Running()

    assert room.end("inv_r").writes.objects == {}
    assert room.store.line(*PLACE) == ["inv_a"]


def test_a_delayed_call_joins_the_line_when_its_delay_is_over(room: Room) -> None:
    room.submit("inv_late", ALICE, mode=WRITER, delay_ms=1_000)
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    step = room.fire(room.timer())

    assert step.effects == []
    assert room.store.line(*PLACE) == ["inv_a", "inv_b", "inv_late"]


def test_an_invocation_that_is_given_up_passes_its_key_on(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.fail("inv_a", execution=ONCE)

    assert isinstance(room.status("inv_a"), Ended)
    assert room.status("inv_b") == Running()


def test_a_paused_invocation_keeps_its_key(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.fail("inv_a", execution=ONCE_THEN_PAUSE)

    assert room.store.line(*PLACE) == ["inv_a", "inv_b"]


def test_a_terminal_error_passes_the_key_on_too(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.end("inv_a", failure("insufficient funds"))

    assert room.status("inv_b") == Running()


def test_a_line_that_names_nobody_stops_the_partition_rather_than_lose_a_call(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.store.objects[PLACE] = ObjectRow("inv_a", head=3, tail=4)
    room.store.places[(*PLACE, 3)] = "inv_x"

    with pytest.raises(AssertionError, match=r"place 3 in the inbox of shop\.v1\.UserAccount/alice names no .*: inv_x"):
        apply(room.store, AttemptEnded("inv_a", 1, outcome(b""), FOREVER), NOW_MS)


def test_an_end_leaves_a_key_alone_that_somebody_else_holds(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.store.objects[PLACE] = ObjectRow("inv_b", head=0, tail=0)
    step: Step = apply(room.store, AttemptEnded("inv_a", 1, outcome(b""), FOREVER), NOW_MS)

    assert step.writes.objects == {}
