"""What operators change by hand: state, and promises of workflows."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition.effect import Notify
from perdure_runtime.partition.entries.state import state_version
from perdure_runtime.partition.input import EditRefused
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import PromiseRow
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import ALICE, SIGNUP, WRITER, completion, failure, get_promise, outcome, set_state, sleep

PLACE = (ALICE.service, "alice")
BEFORE = {"balance": b"10", "name": b"Alice"}


@pytest.fixture
def edited(room: Room) -> Room:
    """Alice has state, and nobody holds her key."""
    room.submit("inv_a", ALICE, mode=WRITER)
    for command, (name, value) in enumerate(BEFORE.items()):
        room.command("inv_a", command, set_state(name, value))
    room.end("inv_a")
    return room


def test_an_edit_of_what_was_seen_sets_and_clears(edited: Room) -> None:
    step = edited.edit(ALICE, state_version(BEFORE), ("balance", b"12"), ("name", None))

    assert step == Step(Writes(state={(*PLACE, "balance"): b"12", (*PLACE, "name"): None}), [])
    assert edited.store.states[PLACE] == {"balance": b"12"}


def test_a_key_without_state_is_given_some_by_the_empty_version(room: Room) -> None:
    room.edit(ALICE, "", ("balance", b"1"))

    assert room.store.states[PLACE] == {"balance": b"1"}


def test_an_edit_of_what_has_changed_is_refused_and_changes_nothing(edited: Room) -> None:
    with pytest.raises(EditRefused, match="has changed since you read it"):
        edited.edit(ALICE, state_version({"balance": b"9"}), ("balance", b"12"))
    assert edited.store.states[PLACE] == BEFORE


def test_an_edit_under_a_running_writer_is_refused(edited: Room) -> None:
    edited.submit("inv_b", ALICE, mode=WRITER)

    with pytest.raises(EditRefused, match="inv_b is running"):
        edited.edit(ALICE, state_version(BEFORE), ("balance", b"12"))


def test_the_next_attempt_of_a_paused_writer_begins_with_what_was_edited(edited: Room) -> None:
    edited.submit("inv_b", ALICE, mode=WRITER)
    edited.pause("inv_b")
    edited.edit(ALICE, state_version(BEFORE), ("balance", b"12"))

    (start,) = edited.resume("inv_b").effects
    assert getattr(start, "state", None) == {**BEFORE, "balance": b"12"}


def test_a_sleeping_writer_does_not_keep_operators_out(edited: Room) -> None:
    edited.submit("inv_b", ALICE, mode=WRITER)
    edited.command("inv_b", 0, sleep(1_000))
    edited.suspend("inv_b", 0)

    assert edited.edit(ALICE, state_version(BEFORE), ("balance", b"12")).writes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": b"1"}, {"a": b"2"}),
        ({"a": b"1"}, {"b": b"1"}),
        ({"a": b""}, {}),
        ({"a": b"1", "b": b"2"}, {"a": b"1"}),
        # The same bytes, parted elsewhere.
        ({"a": b"bc"}, {"ab": b"c"}),
    ],
)
def test_other_values_have_another_version(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert state_version(one) != state_version(other)


def test_a_version_does_not_depend_on_the_order_of_names() -> None:
    assert state_version({"a": b"1", "b": b"2"}) == state_version({"b": b"2", "a": b"1"})


@pytest.mark.parametrize("result", [b"yes", failure("bounced")])
def test_who_waits_for_a_promise_gets_what_an_operator_says(room: Room, result: bytes | Failure) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, get_promise("verified"))

    step = room.settle(SIGNUP, "verified", result)

    assert step.effects == [Notify("inv_run", 1, completion(0, NOW_MS, result))]
    assert room.store.agreed[SIGNUP.service, "ada"] == {"verified": PromiseRow(outcome(result))}


def test_a_promise_that_has_its_result_keeps_it(room: Room) -> None:
    room.settle(SIGNUP, "verified", b"yes")

    with pytest.raises(EditRefused, match="has its result"):
        room.settle(SIGNUP, "verified", b"no")
    assert room.store.agreed[SIGNUP.service, "ada"] == {"verified": PromiseRow(outcome(b"yes"))}
