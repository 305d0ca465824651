"""Forgetting what of an ended invocation has been kept for long enough: each retention by itself."""

import pytest
from perdure_runtime.partition.effect import Accepted, Notify, NotifyCancelled
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Caller, Ended, IdempotencyKey, PromiseRow
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    EMAIL,
    NOTHING,
    ONE_RUN,
    ORDER,
    SIGNUP,
    VERIFY,
    attach,
    call,
    complete_promise,
    completion,
    failure,
    get_promise,
    run,
    set_state,
)

OUTCOME_FIRST = Execution(outcome_retention_ms=1_000, journal_retention_ms=5_000)
JOURNAL_FIRST = Execution(outcome_retention_ms=5_000, journal_retention_ms=1_000)
PLACE = (SIGNUP.service, "ada")


def _ended(room: Room, execution: Execution) -> None:
    """inv_a has a journal, an idempotency key, and its end."""
    room.submit("inv_a", idempotency_key="k")
    room.command("inv_a", 0, run())
    room.step_ended("inv_a", 0)
    room.end("inv_a", b"done", execution)


def _next_expiry(room: Room, id: str) -> int:
    status = room.status(id)
    assert isinstance(status, Ended)
    return status.next_expiry_ms


def _sweep(room: Room, id: str) -> Step:
    """The time comes at which there is something to forget."""
    room.now_ms = _next_expiry(room, id)
    return room.purge(id)


def test_a_journal_goes_before_the_outcome_where_it_is_kept_shorter(room: Room) -> None:
    _ended(room, JOURNAL_FIRST)
    step = _sweep(room, "inv_a")

    assert room.now_ms == NOW_MS + 1_000
    assert step == Step(Writes(invocations={"inv_a": room.row("inv_a")}, forgotten={"inv_a"}), [])
    assert room.journal("inv_a") == []
    assert room.submit("inv_b", idempotency_key="k").effects == [Accepted("inv_b", "inv_a", existing=True)]

    assert _sweep(room, "inv_a").writes.purged == {"inv_a"}
    assert room.now_ms == NOW_MS + 5_000
    assert room.store.keys == {}


def test_an_idempotency_key_goes_before_the_journal_where_it_is_kept_shorter(room: Room) -> None:
    _ended(room, OUTCOME_FIRST)
    step = _sweep(room, "inv_a")

    assert room.now_ms == NOW_MS + 1_000
    assert step.writes.idempotency == {IdempotencyKey(ORDER, "k"): None}
    assert step.writes.forgotten == set()
    assert len(room.journal("inv_a")) == 2
    assert Accepted("inv_b", "inv_b") in room.submit("inv_b", idempotency_key="k").effects

    assert _sweep(room, "inv_a") == Step(Writes(purged={"inv_a"}), [])
    assert room.now_ms == NOW_MS + 5_000
    assert room.store.keys == {IdempotencyKey(ORDER, "k"): "inv_b"}, "another call has the key by now"


@pytest.mark.parametrize("execution", [OUTCOME_FIRST, JOURNAL_FIRST])
def test_looking_again_before_the_rest_is_over_changes_nothing(room: Room, execution: Execution) -> None:
    _ended(room, execution)
    _sweep(room, "inv_a")

    assert room.purge("inv_a") == NOTHING


def test_an_operator_forgets_all_of_it_at_once(room: Room) -> None:
    _ended(room, Execution())
    step = room.purge("inv_a", now=True)

    assert step.writes == Writes(purged={"inv_a"}, idempotency={IdempotencyKey(ORDER, "k"): None})
    assert room.purge("inv_a", now=True) == NOTHING


def test_an_operator_forgets_nothing_of_what_has_not_ended(room: Room) -> None:
    room.submit("inv_a")

    assert room.purge("inv_a", now=True) == NOTHING


def test_state_and_promises_of_a_workflow_go_with_the_name_of_its_run(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, set_state("step", b"1"))
    room.command("inv_run", 1, complete_promise("email_verified", b"yes"))
    room.end("inv_run", b"done", OUTCOME_FIRST)
    step = _sweep(room, "inv_run")

    assert step.writes.idempotency == {IdempotencyKey(SIGNUP, ""): None}
    assert step.writes.state == {(*PLACE, "step"): None}
    assert step.writes.promises == {(*PLACE, "email_verified"): None}
    assert "inv_run" in room.store.invocations, "its journal is kept for longer"


def test_an_id_that_was_forgotten_runs_anew_and_keeps_what_it_has_from_then_on(room: Room) -> None:
    room.run("inv_run")
    room.end("inv_run", b"done", OUTCOME_FIRST)
    _sweep(room, "inv_run")
    assert Accepted("inv_b", "inv_b") in room.run("inv_b", must_be_new=True).effects
    room.command("inv_b", 0, set_state("step", b"2"))
    _sweep(room, "inv_run")

    assert room.store.states[PLACE] == {"step": b"2"}
    assert room.store.keys == {IdempotencyKey(SIGNUP, ""): "inv_b"}


def test_a_promise_that_a_handler_still_waits_for_outlives_the_run(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, get_promise("email_verified"))
    room.submit("inv_w", VERIFY)
    room.command("inv_w", 0, get_promise("email_verified"))
    room.end("inv_run", b"done")
    room.purge("inv_run", now=True)
    assert room.store.agreed[PLACE] == {"email_verified": PromiseRow(waiting=(Caller("inv_w", 0),))}

    room.run("inv_again")
    room.command("inv_again", 0, complete_promise("email_verified", b"yes"))
    assert room.result("inv_w", 0) == b"yes"


def test_a_callee_is_forgotten_though_its_cancelled_caller_has_yet_to_get_its_result(room: Room) -> None:
    room.submit("inv_a")
    first, second = (room.child("inv_a", command, EMAIL) for command in range(2))
    for command in range(2):
        room.command("inv_a", command, call(EMAIL))
    room.cancel("inv_a")
    room.end(first, b"sent", OUTCOME_FIRST)
    assert room.purge(first, now=True).writes.purged == {first}

    step = room.end(second, failure("cancelled", code=1))
    assert step.effects[1:3] == [
        NotifyCancelled("inv_a", 1, room.now_ms),
        Notify("inv_a", 1, completion(0, room.now_ms, b"sent")),
    ]


def test_who_knows_its_id_gets_the_outcome_for_as_long_as_anything_of_it_is_kept(room: Room) -> None:
    _ended(room, OUTCOME_FIRST)
    _sweep(room, "inv_a")
    room.submit("inv_b")
    room.command("inv_b", 0, attach("inv_a"))

    assert room.result("inv_b", 0) == b"done"


def test_the_run_of_a_callee_that_its_workflow_id_names_is_kept_by_its_own_retention(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, call(SIGNUP), mode=ONE_RUN)
    called = room.child("inv_a", 0, SIGNUP)
    room.end(called, b"done", JOURNAL_FIRST)
    room.end("inv_a")
    room.purge("inv_a", now=True)

    assert room.run("inv_b").effects == [Accepted("inv_b", called, existing=True)]
