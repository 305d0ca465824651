"""Steps: when their side effects start, and how their results come into the journal."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition.effect import Accept, Grant, Start
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import NOTHING, completed, failure, run, sleep, step_failed


def test_a_step_is_journaled_and_granted(room: Room) -> None:
    room.submit("inv_a")

    assert room.command("inv_a", 0, run("charge")) == Step(
        Writes(journal={("inv_a", 0): run("charge")}), [Grant("inv_a", 1, 0)]
    )


@pytest.mark.parametrize("result", [b"paid", failure("card declined")])
def test_the_result_of_a_step_is_journaled_at_the_time_of_the_node(room: Room, result: bytes | Failure) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.now_ms += 30

    assert room.step_ended("inv_a", 0, result) == Step(
        Writes(journal={("inv_a", 1): completed(0, NOW_MS + 30, result)}), [Accept("inv_a", 1, 0, NOW_MS + 30)]
    )


def test_a_second_result_of_a_step_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.step_ended("inv_a", 0, b"paid")

    assert room.step_ended("inv_a", 0, b"paid twice") == NOTHING


def test_a_result_of_what_is_no_step_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))

    assert room.step_ended("inv_a", 0, b"early") == NOTHING
    assert room.step_ended("inv_a", 1, b"never asked for") == NOTHING


def test_steps_may_run_side_by_side(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run("left"))
    room.command("inv_a", 1, run("right"))
    room.step_ended("inv_a", 1, b"r")
    room.step_ended("inv_a", 0, b"l")

    assert room.journal("inv_a")[2:] == [completed(1, NOW_MS, b"r"), completed(0, NOW_MS, b"l")]


def test_the_next_attempt_is_granted_the_steps_without_a_result(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run("left"))
    room.command("inv_a", 1, run("right"))
    room.step_ended("inv_a", 0, b"l")
    step = room.lose("inv_a")

    assert step.effects == [
        Start(room.row("inv_a"), (run("left"), run("right"), completed(0, NOW_MS, b"l")), {}),
        Grant("inv_a", 2, 1),
    ]


def test_a_failed_execution_is_journaled_so_that_its_retries_survive(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.now_ms += 30

    assert room.step_failed("inv_a", 0, 1, "timeout") == Step(
        Writes(journal={("inv_a", 1): step_failed(0, NOW_MS + 30, "timeout")}), []
    )
    room.step_failed("inv_a", 0, 2, "timeout")
    step = room.lose("inv_a")
    assert Grant("inv_a", 2, 0) in step.effects
    assert len(room.journal("inv_a")) == 3


def test_a_failure_that_is_told_twice_counts_once(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.step_failed("inv_a", 0, 1)

    assert room.step_failed("inv_a", 0, 1) == NOTHING
    assert room.step_failed("inv_a", 0, 3) == NOTHING


def test_a_failure_of_a_step_that_has_its_result_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.step_ended("inv_a", 0)

    assert room.step_failed("inv_a", 0, 1) == NOTHING


def test_a_step_that_succeeds_counts_failures_anew(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a")
    room.fire(room.timer())
    room.command("inv_a", 0, run())
    step = room.step_ended("inv_a", 0)

    row = step.writes.invocations["inv_a"]
    assert (row.failures, row.last_error, row.attempt) == (0, "", 2)
