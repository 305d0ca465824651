"""Cancelling and killing what was called in other partitions."""

from collections.abc import Callable

import pytest
from perdure_runtime.partition.effect import Abort, NotifyCancelled
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.lifecycle.kill import ABORTED
from perdure_runtime.partition.rows import Cancel, Ended, Running

from tests.partition.far import HERE, THERE, Far
from tests.partition.room import NOW_MS
from tests.partition.samples import (
    EMAIL,
    ONE_RUN,
    WRITER,
    call,
    cancel_call,
    cancelled,
    code_of,
    completed,
    failure,
    outcome,
)

CANCELLED = failure("cancelled", code=1)


@pytest.fixture
def town() -> Far:
    return Far()


def _is_told(town: Far) -> bool:
    return town.row(town.caller).cancel is Cancel.JOURNALED


def test_a_callee_is_cancelled_first_and_its_caller_told_before_the_result(town: Far) -> None:
    callee = town.call_alice()
    town.bring()
    town.cancel(town.caller)
    assert (town.row(town.caller).cancel, town.row(town.caller).callees) == (Cancel.CALLEES, 1)

    town.bring()
    assert town.row(callee).cancel is Cancel.JOURNALED
    town.end(callee, CANCELLED)
    assert not _is_told(town)
    town.bring()
    assert town.journal(town.caller)[1:] == [cancelled(NOW_MS), completed(0, NOW_MS, CANCELLED)]


def test_a_callee_that_is_on_its_way_is_cancelled_when_it_comes(town: Far) -> None:
    callee = town.call_alice()
    town.cancel(town.caller)
    town.bring()

    assert town.row(callee).cancel is Cancel.JOURNALED


def test_a_callee_that_waits_in_line_ends_at_once(town: Far) -> None:
    town.submit(town.mint(THERE), town.alice, mode=WRITER)
    town.call_alice()
    town.cancel(town.caller)
    town.bring()

    assert code_of(town.result(town.caller, 0)) == 1
    assert _is_told(town)


def test_a_result_that_crosses_the_cancellation_counts_once(town: Far) -> None:
    first, second = town.call_alice(), town.call(town.caller, 1)
    town.bring()
    town.end(first, b"5")
    town.cancel(town.caller)
    assert town.row(town.caller).callees == 2

    town.purge(first, now=True)
    town.bring()
    assert town.store.held(town.caller) == {0: outcome(b"5")}
    assert town.row(town.caller).callees == 1, "the word that it has gone comes behind its result"
    town.end(second, CANCELLED)
    assert _is_told(town)
    assert town.result(town.caller, 0) == b"5"


def test_a_call_that_joined_another_invocation_is_not_waited_for(town: Far) -> None:
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    town.cancel(town.caller)
    assert not _is_told(town), "only the other partition knows that"

    town.bring()
    assert _is_told(town)
    assert town.row(first).cancel is Cancel.NONE
    town.end(first, b"sent")
    town.bring()
    assert town.result(town.caller, 0) == b"sent"


def test_the_word_that_there_is_nothing_to_wait_for_needs_no_message_where_the_caller_has_come_near(town: Far) -> None:
    town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    town.cancel(town.caller)
    town.move(THERE, HERE)
    (request,) = town.parcels()
    step = town.apply(request)

    assert step.writes.outbox == {}
    assert _is_told(town)


def test_what_a_joined_call_gets_is_held_until_its_caller_is_told(town: Far) -> None:
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    own = town.call(town.caller, 1)
    town.cancel(town.caller)
    town.bring()
    town.end(first, b"sent")
    town.bring()
    assert town.store.held(town.caller) == {0: outcome(b"sent")}
    assert town.row(town.caller).callees == 1

    town.end(own, CANCELLED)
    assert town.journal(town.caller)[2:] == [
        cancelled(NOW_MS),
        completed(0, NOW_MS, b"sent"),
        completed(1, NOW_MS, CANCELLED),
    ]


def test_a_call_whose_run_was_taken_is_not_waited_for(town: Far) -> None:
    signup = town.workflow(THERE)
    town.run(town.mint(THERE), signup)
    town.issue(call(signup, must_be_new=True), mode=ONE_RUN)
    town.cancel(town.caller)
    town.bring()

    assert _is_told(town)
    assert code_of(town.result(town.caller, 0)) == 6


@pytest.mark.parametrize("told", [False, True])
def test_a_call_that_is_made_after_the_cancellation_is_cancelled_too(town: Far, told: bool) -> None:
    first = town.call(town.caller, 0)
    town.cancel(town.caller)
    if told:
        town.end(first, CANCELLED)
    town.command(town.caller, 1, call(town.alice), mode=WRITER)
    second = town.child(town.caller, 1, town.alice)
    assert town.row(town.caller).callees == (0 if told else 2)

    town.bring()
    assert town.row(second).cancel is Cancel.JOURNALED


def test_a_call_that_its_handler_shields_goes_on(town: Far) -> None:
    town.apply(Command(town.caller, 1, 0, call(town.alice), WRITER, cancellation_accepted=True))
    town.bring()
    town.cancel(town.caller)
    town.bring()

    assert _is_told(town)
    assert town.row(town.child(town.caller, 0, town.alice)).cancel is Cancel.NONE


def test_cancellation_goes_to_the_leaves_across_partitions(town: Far) -> None:
    middle = town.call_alice()
    town.bring()
    leaf = town.child(middle, 0, town.account(HERE))
    town.command(middle, 0, call(town.account(HERE)), mode=WRITER)
    town.bring()
    town.cancel(town.caller)
    told = [effect for step in town.bring() for effect in step.effects if isinstance(effect, NotifyCancelled)]
    assert told == [NotifyCancelled(leaf, 1, NOW_MS)]

    town.end(leaf, CANCELLED)
    town.bring()
    town.end(middle, CANCELLED)
    town.bring()
    assert _is_told(town)


def test_a_handler_cancels_what_its_call_has_made(town: Far) -> None:
    callee = town.call_alice()
    town.ask(cancel_call(0))

    assert town.row(callee).cancel is Cancel.JOURNALED
    assert town.row(town.caller).cancel is Cancel.NONE
    assert town.result(town.caller, 1) == b""


def test_a_handler_cancels_what_its_call_has_joined(town: Far) -> None:
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    town.ask(cancel_call(0))

    assert town.row(first).cancel is Cancel.JOURNALED


def test_it_reaches_the_run_of_a_workflow_that_its_call_has_joined_when_that_has_come_near(town: Far) -> None:
    signup, run = town.workflow(THERE), town.mint(THERE)
    town.run(run, signup)
    town.ask(call(signup), mode=ONE_RUN)
    town.move(THERE, HERE)
    town.issue(cancel_call(0))

    assert town.row(run).cancel is Cancel.JOURNALED


def test_it_leaves_alone_what_its_call_has_not_become(town: Far) -> None:
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    town.end(first, b"sent")
    town.purge(first, now=True)
    second = town.running_there(town.k)
    town.ask(cancel_call(0))

    assert town.row(second).cancel is Cancel.NONE


def test_what_came_near_is_not_waited_for_where_it_was_joined(town: Far) -> None:
    town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    own = town.call(town.caller, 1)
    town.move(THERE, HERE)
    town.cancel(town.caller)
    assert town.row(town.caller).callees == 1

    town.end(own, CANCELLED)
    assert _is_told(town)


def test_killing_reaches_what_was_called(town: Far) -> None:
    callee = town.call_alice()
    town.bring()
    town.kill(town.caller)
    assert isinstance(town.status(callee), Running)

    effects = [effect for step in town.bring() for effect in step.effects]
    assert Abort(callee, 1, "killed by an operator") in effects
    status = town.status(callee)
    assert isinstance(status, Ended)
    assert status.outcome.failure.code == ABORTED


def test_killing_leaves_alone_what_a_call_has_joined(town: Far) -> None:
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    town.kill(town.caller)
    town.bring()

    assert isinstance(town.status(first), Running)


@pytest.mark.parametrize("stop", [Far.kill, Far.cancel])
def test_what_a_call_has_joined_near_by_is_left_alone_when_it_has_moved_away(
    town: Far, stop: Callable[[Far, str], object]
) -> None:
    town.move(THERE, HERE)
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    town.move(THERE, THERE)
    stop(town, town.caller)
    town.bring()

    assert isinstance(town.status(first), Running)
    assert town.row(first).cancel is Cancel.NONE
    assert town.row(town.caller).cancel is Cancel.JOURNALED or isinstance(town.status(town.caller), Ended)
