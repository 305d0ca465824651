"""Attaching to other invocations, and looking at how they have ended."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.partition.effect import Answer, Notify, Start
from perdure_runtime.partition.rows import Caller, Target

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    SIGNUP,
    attach,
    code_of,
    completed,
    completion,
    failure,
    outcome,
    output,
)


@pytest.mark.parametrize("result", [b"done", failure("no")])
def test_who_attaches_gets_the_outcome_when_it_ends(room: Room, result: bytes | Failure) -> None:
    room.submit("inv_b")
    room.submit("inv_a")
    step = room.command("inv_a", 0, attach("inv_b"))
    assert step.effects == []
    assert step.writes.listeners == {("inv_b", Caller("inv_a", 0)): True}

    assert room.end("inv_b", result).effects == [
        Answer("inv_b", outcome(result)),
        Notify("inv_a", 1, completion(0, NOW_MS, result)),
    ]


def test_who_is_suspended_on_it_is_woken(room: Room) -> None:
    room.submit("inv_b")
    room.submit("inv_a")
    room.command("inv_a", 0, attach("inv_b"))
    room.suspend("inv_a", 0)
    step = room.end("inv_b", b"done")

    journal = (attach("inv_b"), completed(0, NOW_MS, b"done"))
    assert step.effects[-1] == Start(room.row("inv_a"), journal, {})


def test_who_attaches_to_what_has_ended_gets_its_outcome_at_once(room: Room) -> None:
    room.submit("inv_b")
    room.end("inv_b", b"done")
    room.submit("inv_a")

    assert room.command("inv_a", 0, attach("inv_b")).effects == [Notify("inv_a", 1, completion(0, NOW_MS, b"done"))]


def test_a_look_at_what_runs_gives_nothing(room: Room) -> None:
    room.submit("inv_b")
    room.submit("inv_a")
    step = room.command("inv_a", 0, output("inv_b"))

    assert room.result("inv_a", 0) == b""
    assert step.writes.listeners == {}


@pytest.mark.parametrize("result", [b"done", b"", failure("no")])
def test_a_look_at_what_has_ended_gives_its_outcome(room: Room, result: bytes | Failure) -> None:
    room.submit("inv_b")
    room.end("inv_b", result)
    room.submit("inv_a")
    room.command("inv_a", 0, output("inv_b"))

    seen = room.result("inv_a", 0)
    assert isinstance(seen, bytes)
    assert seen
    assert Outcome.FromString(seen) == outcome(result)


def test_the_run_of_a_workflow_is_found_by_its_id(room: Room) -> None:
    room.run("inv_run")
    room.submit("inv_a")
    room.command("inv_a", 0, attach(SIGNUP))
    room.end("inv_run", b"done")
    room.command("inv_a", 1, output(SIGNUP))

    assert room.result("inv_a", 0) == b"done"
    assert room.result("inv_a", 1) == outcome(b"done").SerializeToString()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("inv_x", "there is no invocation 'inv_x'"),
        (SIGNUP, "workflow shop.v1.Signup has no run for id 'ada'"),
    ],
)
def test_what_is_not_there_is_not_found(room: Room, name: str | Target, message: str) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, attach(name))
    room.command("inv_a", 1, output(name))

    for command in range(2):
        result = room.result("inv_a", command)
        assert code_of(result) == 5
        assert isinstance(result, Failure)
        assert result.message == message
