"""Awakeables: a command that whoever knows its id completes, once."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition import ids
from perdure_runtime.partition.effect import Notify, Start
from perdure_runtime.partition.entries.awakeable import find_awakeable
from perdure_runtime.partition.journal import Journal

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    NOTHING,
    awakeable,
    code_of,
    complete_awakeable,
    completed,
    completion,
    failure,
    run,
)

AWK = "awk_a_1_c0ffee"


def _waiting(room: Room) -> None:
    """inv_a has an awakeable, its second command."""
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.step_ended("inv_a", 0)
    room.command("inv_a", 1, awakeable(AWK))


@pytest.mark.parametrize("result", [b"paid", failure("declined")])
def test_its_result_comes_from_outside(room: Room, result: bytes | Failure) -> None:
    _waiting(room)
    step = room.complete_awakeable(AWK, result)

    assert step.effects == [Notify("inv_a", 1, completion(1, NOW_MS, result))]
    assert room.result("inv_a", 1) == result


def test_it_wakes_who_is_suspended_on_it(room: Room) -> None:
    _waiting(room)
    room.suspend("inv_a", 1)
    step = room.complete_awakeable(AWK, b"paid")

    journal = (run(), completed(0, NOW_MS), awakeable(AWK), completed(1, NOW_MS, b"paid"))
    assert step.effects == [Start(room.row("inv_a"), journal, {})]


def test_the_first_result_stays(room: Room) -> None:
    _waiting(room)
    room.complete_awakeable(AWK, b"paid")

    assert room.complete_awakeable(AWK, failure("too late")) == NOTHING


def test_a_handler_resolves_that_of_another_one(room: Room) -> None:
    _waiting(room)
    room.submit("inv_b")
    step = room.command("inv_b", 0, complete_awakeable(AWK, b"paid"))

    assert step.effects == [
        Notify("inv_a", 1, completion(1, NOW_MS, b"paid")),
        Notify("inv_b", 1, completion(0, NOW_MS)),
    ]


def test_a_handler_that_resolves_it_again_succeeds_and_changes_nothing(room: Room) -> None:
    _waiting(room)
    room.submit("inv_b")
    room.command("inv_b", 0, complete_awakeable(AWK, b"paid"))
    step = room.command("inv_b", 1, complete_awakeable(AWK, b"twice"))

    assert step.effects == [Notify("inv_b", 1, completion(1, NOW_MS))]
    assert room.result("inv_a", 1) == b"paid"


@pytest.mark.parametrize("id", ["awk_a_1_0ther", "awk_x_1_c0ffee", "inv_a", "awk_a_1", "sig_a_1_c0ffee", ""])
def test_an_id_of_none_changes_nothing_and_a_handler_gets_not_found(room: Room, id: str) -> None:
    _waiting(room)
    assert room.complete_awakeable(id, b"paid") == NOTHING

    room.submit("inv_b")
    room.command("inv_b", 0, complete_awakeable(id, b"paid"))
    assert code_of(room.result("inv_b", 0)) == 5
    assert room.result("inv_a", 1) is None


def test_one_of_an_ended_invocation_completes_nothing(room: Room) -> None:
    _waiting(room)
    room.end("inv_a")

    assert room.complete_awakeable(AWK, b"paid") == NOTHING


def test_its_command_says_what_it_takes(room: Room) -> None:
    _waiting(room)
    found = find_awakeable(Journal(room.journal("inv_a")), AWK)

    assert found is not None
    ordinal, command = found
    assert (ordinal, command.type) == (1, "shop.v1.Payment")


def test_its_id_tells_where_to_look() -> None:
    assert ids.of_awakeable("awk_01ABC_7_c0ffee") == "inv_01ABC"
