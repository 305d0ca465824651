"""What others do to an invocation: they cancel it, resolve its awakeables, and send it signals."""

import pytest
from perdure.vm.errors import JournalMismatch
from perdure.vm.machine import Cancelled, Settled

from tests.partition.samples import EMAIL, call, called, completed, completion, failure, run, signal, sleep
from tests.vm.samples import CREATED_MS, WORD, await_signal, awakeable, cancellation, machine, seen

LATER_MS = CREATED_MS + 1_000


# Its cancellation.


def test_a_cancellation_is_seen_once_in_the_order_in_which_it_came() -> None:
    fresh = machine()
    fresh.issue(sleep(1))
    fresh.issue(sleep(2))
    fresh.on_completion(completion(1, 0))
    for _ in range(2):
        fresh.on_cancellation(cancellation().cancellation)
    fresh.on_completion(completion(0, 0))

    assert seen(fresh) == [Settled(1, b""), Cancelled(), Settled(0, b"")]


def test_a_replay_sees_it_in_the_place_of_the_journal() -> None:
    again = machine(sleep(1), cancellation(), sleep(2), completed(0, 1))
    again.issue(sleep(1))
    assert seen(again) == [Cancelled()]
    again.issue(sleep(2))
    assert seen(again) == [Settled(0, b"")]


def test_one_that_the_journal_has_is_not_seen_again_when_it_also_comes() -> None:
    again = machine(sleep(1), cancellation())
    again.on_cancellation(cancellation().cancellation)
    again.issue(sleep(1))

    assert seen(again) == [Cancelled()]


def test_one_that_comes_during_a_replay_is_seen_after_all_of_the_journal() -> None:
    again = machine(sleep(1), run(), completed(0, 1))
    again.on_cancellation(cancellation().cancellation)
    again.issue(sleep(1))
    assert seen(again) == []

    again.issue(run())
    assert seen(again) == [Settled(0, b""), Cancelled()]


def test_the_time_of_a_cancellation_is_read_once_it_is_seen() -> None:
    fresh = machine()
    fresh.on_cancellation(cancellation(LATER_MS).cancellation)
    assert fresh.now_ms == CREATED_MS

    seen(fresh)
    assert fresh.now_ms == LATER_MS


def test_a_handler_that_has_its_cancellation_to_see_is_not_stuck() -> None:
    again = machine(sleep(1), cancellation(), run())
    again.issue(sleep(1))
    assert again.stuck([0]) is None

    seen(again)
    assert again.stuck([0]) is not None


def test_a_step_that_is_given_up_is_reported_and_never_starts() -> None:
    fresh = machine()
    fresh.issue(run())
    fresh.take_entries()
    fresh.give_up_step(0, failure("cancelled"), LATER_MS)
    assert fresh.take_entries() == [completed(0, LATER_MS, failure("cancelled"))]

    fresh.on_grant(0)
    assert fresh.take_startable() == []
    fresh.on_accepted(0, LATER_MS)
    assert seen(fresh) == [Settled(0, failure("cancelled"))]


def test_a_step_that_was_granted_before_the_handler_came_to_it_can_be_given_up_too() -> None:
    again = machine(run())
    again.on_grant(0)
    again.issue(run())
    again.give_up_step(0, failure("cancelled"), LATER_MS)

    assert again.take_startable() == []
    assert again.steps_open, "until the journal has it"


def test_a_step_that_has_its_result_keeps_it() -> None:
    again = machine(run(), completed(0, 1, b"paid"))
    again.issue(run())
    again.give_up_step(0, failure("cancelled"), LATER_MS)

    assert again.take_entries() == []
    assert seen(again) == [Settled(0, b"paid")]


def test_a_cancellation_is_known_before_it_is_seen() -> None:
    fresh = machine()
    assert not fresh.cancelled
    fresh.on_cancellation(cancellation().cancellation)
    assert fresh.cancelled


# Its awakeables.


def test_a_new_awakeable_has_the_new_id() -> None:
    fresh = machine()

    assert fresh.awakeable("awk_new", WORD) == (0, "awk_new")
    assert fresh.take_entries() == [awakeable("awk_new")]


def test_an_awakeable_of_the_journal_keeps_its_id() -> None:
    again = machine(awakeable("awk_old"), completed(0, 1, b"paid"))

    assert again.awakeable("awk_new", WORD) == (0, "awk_old")
    assert seen(again) == [Settled(0, b"paid")]
    assert again.take_entries() == []


def test_an_awakeable_of_another_type_is_a_mismatch() -> None:
    again = machine(awakeable("awk_old"))

    with pytest.raises(JournalMismatch, match=r"of shop\.v1\.Word, the handler did awakeable of shop\.v1\.Other"):
        again.awakeable("awk_new", "shop.v1.Other")


def test_an_awakeable_in_the_place_of_something_else_is_a_mismatch() -> None:
    again = machine(sleep(1))

    with pytest.raises(JournalMismatch, match="the journal says sleep 1 ms, the handler did awakeable"):
        again.awakeable("awk_new", WORD)


# Its signals, and the calls of others.


def test_signals_that_came_early_take_no_part_in_a_replay() -> None:
    again = machine(signal("approved", b"a"), await_signal("approved"), completed(0, 1, b"a"), signal("other"))
    again.issue(await_signal("approved"))

    assert seen(again) == [Settled(0, b"a")]
    assert not again.replaying


def test_a_call_is_the_same_whatever_invocation_it_has_become() -> None:
    again = machine(called(call(EMAIL), "inv_b"))
    again.issue(call(EMAIL))

    with pytest.raises(JournalMismatch):
        machine(called(call(EMAIL), "inv_b")).issue(call(EMAIL, b"another"))
