"""Attempts that fail: backoff, pause, giving up, and resuming."""

import pytest
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition.effect import Answer, Grant, Start
from perdure_runtime.partition.lifecycle.attempt import MAX_ERROR_CHARACTERS, UNKNOWN
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import BackingOff, Ended, Paused, RetryDue, Running, Timer
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    EMAIL,
    NOTHING,
    ONCE,
    ONCE_THEN_PAUSE,
    WRITER,
    call,
    completed,
    failure,
    outcome,
    run,
)

PATIENT = Execution(RetryPolicy(initial_ms=100, factor=3.0, max_interval_ms=500))


def test_a_failed_attempt_is_tried_again_after_its_backoff(room: Room) -> None:
    room.submit("inv_a")
    step = room.fail("inv_a", execution=PATIENT)

    timer = Timer(NOW_MS + 100, "inv_a", RetryDue(1))
    row = room.row("inv_a")
    assert (row.status, row.failures, row.last_error, row.attempt) == (BackingOff(NOW_MS + 100), 1, "boom", 1)
    assert step == Step(Writes(invocations={"inv_a": row}, timers={timer: True}), [])

    step = room.fire(timer)
    assert room.status("inv_a") == Running()
    assert step == Step(
        Writes(invocations={"inv_a": room.row("inv_a")}, timers={timer: False}), [Start(room.row("inv_a"), (), {})]
    )


def test_each_backoff_is_longer_up_to_the_longest(room: Room) -> None:
    room.submit("inv_a")
    waits = []
    for _ in range(4):
        room.fail("inv_a", execution=PATIENT)
        waits.append(room.timer().due_ms - room.now_ms)
        room.fire(room.timer())

    assert waits == [100, 300, 500, 500]


@pytest.mark.parametrize("policy", [RetryPolicy(factor=1e200), RetryPolicy(initial_ms=0, factor=1e200)])
def test_a_steep_backoff_does_not_overflow(policy: RetryPolicy) -> None:
    assert policy.interval_ms(10_000) == (policy.max_interval_ms if policy.initial_ms else 0)


def test_a_level_backoff_stays_as_it_is() -> None:
    assert RetryPolicy(initial_ms=70, factor=1.0).interval_ms(10**9) == 70


def test_an_attempt_may_say_itself_when_to_try_again(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a", AttemptFailure(message="busy", retry_after_ms=7_000), PATIENT)

    assert room.status("inv_a") == BackingOff(NOW_MS + 7_000)


def test_an_attempt_may_ask_to_be_tried_at_once(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a", AttemptFailure(message="busy", retry_after_ms=0), PATIENT)

    assert room.timer().due_ms == NOW_MS


def test_a_retry_timer_that_fires_twice_starts_one_attempt(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a")
    timer = room.timer()
    room.fire(timer)
    assert room.fire(timer) == Step(Writes(timers={timer: False}), [])

    room.fail("inv_a")
    assert room.fire(timer) == Step(Writes(timers={timer: False}), []), "backing off again, after a later attempt"


def test_retries_that_are_used_up_pause_the_invocation(room: Room) -> None:
    room.submit("inv_a")
    step = room.fail("inv_a", AttemptFailure(message="boom", stacktrace="Traceback: boom"), ONCE_THEN_PAUSE)

    assert room.status("inv_a") == Paused()
    assert room.row("inv_a").last_error == "Traceback: boom"
    assert step == Step(Writes(invocations={"inv_a": room.row("inv_a")}), [])


def test_retries_that_are_used_up_fail_the_invocation_where_the_contract_says_so(room: Room) -> None:
    room.submit("inv_a")
    step = room.fail("inv_a", execution=ONCE)

    given_up = outcome(failure("gave up after 1 attempts: boom", UNKNOWN))
    assert room.status("inv_a") == Ended(
        given_up, NOW_MS, NOW_MS + ONCE.outcome_retention_ms, NOW_MS + ONCE.journal_retention_ms
    )
    assert step.effects == [Answer("inv_a", given_up)]


def test_giving_up_completes_the_call_of_the_caller(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, call(EMAIL))
    (callee,) = room.store.invocations.keys() - {"inv_a"}
    room.fail(callee, execution=ONCE)

    assert room.journal("inv_a")[-1] == completed(0, NOW_MS, failure("gave up after 1 attempts: boom", UNKNOWN))


@pytest.mark.parametrize("allowed", [2, 3])
def test_a_policy_counts_the_first_attempt_too(room: Room, allowed: int) -> None:
    execution = Execution(RetryPolicy(max_attempts=allowed))
    room.submit("inv_a")
    for _ in range(allowed - 1):
        room.fail("inv_a", execution=execution)
        room.fire(room.timer())
    room.fail("inv_a", execution=execution)

    assert room.status("inv_a") == Paused()


def test_of_a_long_error_the_end_is_kept(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a", AttemptFailure(message="m", stacktrace="x" * MAX_ERROR_CHARACTERS + "ValueError: no card"))

    assert len(room.row("inv_a").last_error) == MAX_ERROR_CHARACTERS
    assert room.row("inv_a").last_error.endswith("ValueError: no card")


def test_a_journal_mismatch_pauses_whatever_the_policy_says(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, run())
    room.step_ended("inv_a", 0, b"paid")
    mismatch = AttemptFailure(message="recorded run, replayed sleep", journal_mismatch=True, retry_after_ms=5)
    step = room.fail("inv_a", mismatch, ONCE)

    assert room.status("inv_a") == Paused()
    assert step.effects == []
    assert len(room.journal("inv_a")) == 2, "nothing is lost"


def test_a_paused_invocation_is_resumed_with_its_journal_and_its_retries_counted_anew(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.fail("inv_a", execution=ONCE_THEN_PAUSE)
    step = room.resume("inv_a")

    assert (room.row("inv_a").attempt, room.row("inv_a").failures) == (2, 0)
    assert step.effects == [Start(room.row("inv_a"), (run(),), {}), Grant("inv_a", 2, 0)]


def test_only_a_paused_invocation_is_resumed(room: Room) -> None:
    room.submit("inv_a")
    assert room.resume("inv_a") == NOTHING
    room.fail("inv_a")
    assert room.resume("inv_a") == NOTHING
    room.fire(room.timer())
    room.end("inv_a")
    assert room.resume("inv_a") == NOTHING
