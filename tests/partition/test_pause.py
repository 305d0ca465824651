"""Pausing: an operator stops an invocation where it is."""

from perdure_runtime.partition.effect import Abort, Grant, Start
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import Paused
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import ALICE, NOTHING, WRITER, completed, run, sleep


def test_a_running_attempt_is_aborted(room: Room) -> None:
    room.submit("inv_a")
    step = room.pause("inv_a")

    assert room.status("inv_a") == Paused()
    assert step == Step(Writes(invocations={"inv_a": room.row("inv_a")}), [Abort("inv_a", 1, "paused by an operator")])


def test_what_the_aborted_attempt_still_says_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.pause("inv_a")

    assert room.apply(Command("inv_a", 1, 0, run())) == NOTHING


def test_a_suspended_invocation_stays_where_it_is_though_its_sleep_is_over(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.suspend("inv_a", 0)
    assert room.pause("inv_a").effects == []
    assert room.fire(room.timer()).effects == []

    step = room.resume("inv_a")
    assert step.effects == [Start(room.row("inv_a"), (sleep(1_000), completed(0, NOW_MS + 1_000)), {})]


def test_a_backoff_that_is_over_starts_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a")
    room.pause("inv_a")

    assert room.fire(room.timer()).effects == []
    assert room.status("inv_a") == Paused()


def test_a_resumed_invocation_may_start_the_steps_that_were_open(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.pause("inv_a")

    assert room.resume("inv_a").effects == [Start(room.row("inv_a"), (run(),), {}), Grant("inv_a", 2, 0)]


def test_what_has_not_begun_cannot_be_paused(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_queued", ALICE, mode=WRITER)
    room.submit("inv_late", delay_ms=1_000)

    assert room.pause("inv_queued") == NOTHING
    assert room.pause("inv_late") == NOTHING


def test_what_is_paused_or_has_ended_or_never_was_stays_as_it_is(room: Room) -> None:
    room.submit("inv_a")
    room.pause("inv_a")
    room.submit("inv_b")
    room.end("inv_b")

    assert room.pause("inv_a") == NOTHING
    assert room.pause("inv_b") == NOTHING
    assert room.pause("inv_x") == NOTHING
