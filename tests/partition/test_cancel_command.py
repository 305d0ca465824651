"""Handlers that cancel: other invocations, and what their own calls have become."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.effect import Notify, NotifyCancelled
from perdure_runtime.partition.rows import Cancel

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ORDER,
    SIGNUP,
    cancel,
    cancel_call,
    code_of,
    completion,
    failure,
)

CANCELLED = failure("cancelled", code=1)


@pytest.mark.parametrize("command", [cancel("inv_b"), cancel(ORDER)], ids=["unknown", "no workflow"])
def test_a_handler_that_cancels_what_is_not_there_gets_not_found(room: Room, command: Entry) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, command)

    assert code_of(room.result("inv_a", 0)) == 5


def test_a_handler_cancels_another_invocation(room: Room) -> None:
    room.submit("inv_b")
    room.submit("inv_a")
    step = room.command("inv_a", 0, cancel("inv_b"))

    assert step.effects == [Notify("inv_a", 1, completion(0, NOW_MS)), NotifyCancelled("inv_b", 1, NOW_MS)]


def test_a_handler_that_cancels_what_has_ended_leaves_it_as_it_is(room: Room) -> None:
    room.submit("inv_b")
    room.end("inv_b", b"done")
    room.submit("inv_a")

    assert room.command("inv_a", 0, cancel("inv_b")).effects == [Notify("inv_a", 1, completion(0, NOW_MS))]


def test_a_handler_cancels_the_run_of_a_workflow_by_its_id(room: Room) -> None:
    room.run("inv_run")
    room.submit("inv_a")
    room.command("inv_a", 0, cancel(SIGNUP))

    assert room.row("inv_run").cancel is Cancel.JOURNALED


def test_a_handler_may_cancel_itself(room: Room) -> None:
    room.submit("inv_a")
    step = room.command("inv_a", 0, cancel("inv_a"))

    assert step.effects == [Notify("inv_a", 1, completion(0, NOW_MS)), NotifyCancelled("inv_a", 1, NOW_MS)]


def test_a_handler_cancels_what_its_call_has_become_and_gets_its_result(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    step = room.command("inv_a", 1, cancel_call(0))
    assert step.effects == [Notify("inv_a", 1, completion(1, NOW_MS)), NotifyCancelled(callee, 1, NOW_MS)]

    assert room.end(callee, CANCELLED).effects[-1] == Notify("inv_a", 1, completion(0, NOW_MS, CANCELLED))
    assert room.row("inv_a").cancel is Cancel.NONE


def test_cancelling_a_call_that_has_its_result_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.end(room.call(), b"sent")

    assert room.command("inv_a", 1, cancel_call(0)).effects == [Notify("inv_a", 1, completion(1, NOW_MS))]
