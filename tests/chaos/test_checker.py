"""The checker: a history in which all is well passes, and each broken promise is seen."""

import pytest

from chaos.checker import Verdict, check
from chaos.history import Approved, Balance, Box, Count, Counted, Event, Finished, Posted, Refused, Unanswered, Worked
from chaos.ledger import Ran
from tests.chaos.histories import add, call, events, ledger, stay


def with_other(old: type[Event], new: Event, *more: Event) -> Verdict:
    """The verdict on the history in which something else is there instead of the first event of a type."""
    history = events()
    (at, *_) = [index for index, event in enumerate(history) if isinstance(event, old)]
    history[at : at + 1] = [new, *more]
    return check(history, ledger())


def test_a_history_in_which_all_is_well_breaks_nothing() -> None:
    assert check(events(), ledger()) == Verdict([], reexecutions=0, overlaps=0, lateness_ms=[30])


BROKEN = {
    "an update that was lost gives one value twice": (
        with_other(Count, Count("c", 1)),
        "nothing lost: c gave 2, and holds 1 at the end",
    ),
    "two calls were given one value": (
        with_other(Counted, add("a-1", 2, at_s=1.0)),
        "one writer a key: c gave 2 to 2 calls: an update was lost",
    ),
    "a call that counted twice leaves a gap": (
        with_other(Count, Count("c", 3)),
        "nothing twice: nobody was told the value 3 of c: an add counted twice",
    ),
    "a counter whose end nobody read": (
        with_other(Count, Balance("z", 0)),
        "nothing lost: what c holds at the end is not known",
    ),
    "a call that was given the value of an earlier one": (
        with_other(Counted, add("a-0", 2, at_s=0.0), add("a-1", 1, at_s=1.0)),
        "calls happen before their answer: c: a-0 was answered before a-1 began, and came after it",
    ),
    "a value of an attempt that was never there": (
        with_other(Counted, Counted(call("a-1", 1.0, 1.5), "c", 1, "a ghost")),
        "one writer a key: a-1 ended by attempt 'a ghost', which never was in c",
    ),
    "a call that got two answers": (
        with_other(Worked, Worked(call("w-1"), "run-1", "run-2"), Worked(call("w-1"), "run-1", "run-9")),
        "one answer a key: w-1 got ",
    ),
    "a result of a step that never ran": (
        with_other(Worked, Worked(call("w-1"), "run-1", "run-9")),
        "steps run: the result of w-1/second is 'run-9', but the ledger has ['run-2']",
    ),
    "a booking that was lost": (
        with_other(Balance, Balance("x", 0)),
        "nothing lost, nothing twice: x holds 0, and its transfers make -5",
    ),
    "a letter that was lost": (
        with_other(Box, Box("box", [])),
        "nothing lost: p-1 was accepted for box, and never came",
    ),
    "a letter that came twice": (
        with_other(Box, Box("box", [("p-1", 1_030), ("p-1", 1_040)])),
        "nothing twice: p-1 is there 2 times",
    ),
    "a letter in another box": (
        with_other(Box, Box("other", [("p-1", 1_030)])),
        "nothing lost: p-1 was for box, and is in other",
    ),
    "a letter that nobody sent": (
        with_other(Box, Box("box", [("p-1", 1_030), ("p-9", 1_040)])),
        "nothing twice: nobody sent p-9, and it is in a box",
    ),
    "a timer that was early": (
        with_other(Posted, Posted(call("p-1"), {"p-1": "box"}, due_ms=2_000)),
        "timers are not early: p-1 came 970 ms early",
    ),
    "a sleep that was too short": (
        with_other(Finished, Finished(call("e-1"), "e-1", "e-1-ann", asked_ms=500, slept_ms=120, run="run-3")),
        "timers are not early: e-1 slept 120 ms instead of 500 ms",
    ),
    "a promise that two resolved": (
        with_other(Approved, *(Approved(call(f"e-1-{by}"), "e-1", f"e-1-{by}", first=True) for by in ("ann", "cid"))),
        "a promise is resolved once: ['e-1-ann', 'e-1-cid'] all were the first to approve e-1",
    ),
    "a promise with another result than the one it was given": (
        with_other(Finished, Finished(call("e-1"), "e-1", "e-1-bob", asked_ms=100, slept_ms=120, run="run-3")),
        "a promise is resolved once: ['e-1-ann'] approved e-1, which was told 'e-1-bob'",
    ),
    "a promise whose result nobody gave": (
        with_other(Approved, Approved(call("e-1-ann"), "e-1", "e-1-ann", first=False)),
        "a promise is resolved once: nobody was the first to approve e-1, which was told 'e-1-ann'",
    ),
    "a call that hangs": (
        with_other(Worked, Unanswered(call("w-1"), "work", "no answer in time")),
        "every call ends: work w-1 hangs; the last try: no answer in time",
    ),
    "a call that was refused": (
        with_other(Worked, Refused(call("w-1"), "work", "UNIMPLEMENTED: no such service")),
        "callers see latency, not errors: work w-1: UNIMPLEMENTED: no such service",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_promise_is_seen(broken: str) -> None:
    verdict, told = BROKEN[broken]

    assert any(str(violation).startswith(told) for violation in verdict.violations), verdict.violations


def test_two_attempts_that_count_in_a_counter_at_one_time_are_two_writers() -> None:
    lines = [line for line in ledger() if isinstance(line, Ran)] + stay("a-1", 1.1, 2.15) + stay("a-2", 2.1, 2.2)

    (violation,) = check(events(), lines).violations

    assert str(violation) == "one writer a key: a-1 and a-2 were in c together"


def test_an_attempt_beside_the_writer_that_has_no_effect_is_counted_and_allowed() -> None:
    # The node that ran a-1 first was paused; its attempt woke up when a-2 was in.
    verdict = check(events(), [*ledger(), *stay("a-1", 1.05, 2.15, attempt="zombie")])

    assert (verdict.violations, verdict.overlaps) == ([], 1)


def test_an_attempt_that_was_in_the_counter_when_nobody_else_was_is_no_overlap() -> None:
    verdict = check(events(), [*ledger(), *stay("a-2", 1.5, 1.6, attempt="cut short")])

    assert (verdict.violations, verdict.overlaps) == ([], 0)


def test_a_step_that_ran_again_is_counted_and_allowed_if_the_result_names_one_of_its_runs() -> None:
    verdict = check(events(), [Ran("w-1/first", "run-0"), *ledger()])

    assert (verdict.violations, verdict.reexecutions) == ([], 1)


def test_the_same_answer_to_the_same_call_is_no_second_effect() -> None:
    verdict = check([*events(), *events()[:8]], ledger())

    assert verdict.violations == []
