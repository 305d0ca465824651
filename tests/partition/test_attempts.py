"""Suspensions, lost attempts, late attempts, recovery."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import StepFailure
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition.effect import Abort, Grant, Start
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    Input,
    StepEnded,
    StepFailed,
)
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import Paused, Running, Suspended
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    FOREVER,
    NOTHING,
    ONCE_THEN_PAUSE,
    WRITER,
    completed,
    completion,
    outcome,
    run,
    set_state,
    sleep,
)


def test_a_handler_that_only_waits_is_parked(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))

    step = room.suspend("inv_a", 0)
    assert step == Step(Writes(invocations={"inv_a": room.row("inv_a")}), [])
    assert room.status("inv_a") == Suspended((0,))


def test_a_suspension_that_crosses_its_result_starts_again_at_once(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, sleep(2_000))
    room.fire(min(room.store.timers, key=lambda timer: timer.due_ms))
    step = room.suspend("inv_a", 0, 1)

    assert room.status("inv_a") == Running()
    journal = (sleep(1_000), sleep(2_000), completed(0, NOW_MS + 1_000))
    assert step.effects == [Start(room.row("inv_a"), journal, {})]


def test_a_suspension_that_awaits_an_open_step_starts_again_since_nobody_else_runs_it(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, run())
    step = room.suspend("inv_a", 0, 1)

    assert step.effects == [Start(room.row("inv_a"), (sleep(1_000), run()), {}), Grant("inv_a", 2, 1)]


def test_a_suspension_on_what_nothing_completes_is_refused(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"10"))
    room.command("inv_a", 1, sleep(1_000))
    step = room.suspend("inv_a", 0, 1)

    (abort,) = step.effects
    assert isinstance(abort, Abort)
    assert abort.reason.endswith("or that nothing completes")
    assert room.status("inv_a") == Paused()


@pytest.mark.parametrize("awaiting", [(1,), (0, 7)])
def test_a_suspension_on_what_the_journal_lacks_is_refused(room: Room, awaiting: tuple[int, ...]) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    step = room.suspend("inv_a", *awaiting)

    (abort,) = step.effects
    assert isinstance(abort, Abort)
    assert (abort.invocation_id, abort.attempt) == ("inv_a", 1)
    assert "that the journal lacks" in abort.reason
    assert room.status("inv_a") == Paused()
    assert room.row("inv_a").last_error == abort.reason


def test_a_lost_attempt_starts_again_and_counts_as_no_failure(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    step = room.lose("inv_a")

    row = room.row("inv_a")
    assert (row.attempt, row.failures, row.status) == (2, 0, Running())
    assert step == Step(Writes(invocations={"inv_a": row}), [Start(row, (sleep(1_000),), {})])


def _everything_that_attempt_1_can_say() -> list[Input]:
    return [
        Command("inv_a", 1, 2, sleep(1)),
        StepEnded("inv_a", 1, completion(1, NOW_MS)),
        StepFailed("inv_a", 1, StepFailure(command=1), 1),
        AttemptEnded("inv_a", 1, outcome(b"late"), FOREVER),
        AttemptFailed("inv_a", 1, AttemptFailure(message="late"), FOREVER),
        AttemptSuspended("inv_a", 1, (0,)),
        AttemptLost("inv_a", 1),
    ]


@pytest.mark.parametrize("late", _everything_that_attempt_1_can_say(), ids=lambda late: type(late).__name__)
def test_what_a_late_attempt_says_changes_nothing(room: Room, late: Input) -> None:
    assert room.apply(late) == NOTHING, "nobody knows the invocation"

    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, run())
    room.lose("inv_a")
    assert room.apply(late) == NOTHING, "a newer attempt speaks for it"

    room.step_ended("inv_a", 1)
    room.suspend("inv_a", 0)
    assert room.apply(late) == NOTHING, "it is suspended"


@pytest.mark.parametrize("late", _everything_that_attempt_1_can_say(), ids=lambda late: type(late).__name__)
def test_what_an_attempt_says_after_its_end_changes_nothing(room: Room, late: Input) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, run())
    room.end("inv_a", b"done")

    assert room.apply(late) == NOTHING


@pytest.mark.parametrize("late", _everything_that_attempt_1_can_say(), ids=lambda late: type(late).__name__)
def test_what_an_attempt_says_after_it_failed_changes_nothing(room: Room, late: Input) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, run())
    room.fail("inv_a", execution=ONCE_THEN_PAUSE)

    assert room.apply(late) == NOTHING


def test_recovery_starts_what_was_running_and_nothing_else(room: Room) -> None:
    for id in ("inv_running", "inv_suspended", "inv_paused", "inv_backing_off", "inv_ended"):
        room.submit(id)
    room.submit("inv_scheduled", delay_ms=1_000)
    room.command("inv_suspended", 0, sleep(1_000))
    room.suspend("inv_suspended", 0)
    room.fail("inv_paused", execution=ONCE_THEN_PAUSE)
    room.fail("inv_backing_off")
    room.end("inv_ended")
    room.lose("inv_running")

    assert list(recover(room.store.invocations.values())) == [AttemptLost("inv_running", 2)]
