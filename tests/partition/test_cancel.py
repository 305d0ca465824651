"""Cancelling: a handler is told of it once, and what has not started ends."""

import pytest
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Answer, NotifyCancelled, Start
from perdure_runtime.partition.lifecycle.callees import tell
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import (
    Cancel,
    ObjectRow,
    Queued,
    Running,
    Scheduled,
    Suspended,
)
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    NOTHING,
    ONCE_THEN_PAUSE,
    WRITER,
    cancelled,
    failure,
    outcome,
    sleep,
)

NOT_STARTED = failure("cancelled before it started", code=1)


def test_a_running_handler_is_told_at_once(room: Room) -> None:
    room.submit("inv_a")
    step = room.cancel("inv_a")

    assert step == Step(
        Writes(invocations={"inv_a": room.row("inv_a")}, journal={("inv_a", 0): cancelled(NOW_MS)}),
        [NotifyCancelled("inv_a", 1, NOW_MS)],
    )
    assert (room.status("inv_a"), room.row("inv_a").cancel) == (Running(), Cancel.JOURNALED)


def test_a_suspended_handler_is_woken_to_be_told(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.suspend("inv_a", 0)
    step = room.cancel("inv_a")

    assert step.effects == [Start(room.row("inv_a"), (sleep(1_000), cancelled(NOW_MS)), {})]
    assert room.row("inv_a").attempt == 2


def test_a_handler_that_waits_for_its_cancellation_alone_is_woken_by_it(room: Room) -> None:
    room.submit("inv_a")
    room.suspend("inv_a")
    assert room.status("inv_a") == Suspended(())

    room.cancel("inv_a")
    assert room.status("inv_a") == Running()


def test_a_handler_that_backs_off_is_told_at_once_with_its_failures_counted_anew(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a")
    timer = room.timer()
    step = room.cancel("inv_a")

    assert step.effects == [Start(room.row("inv_a"), (cancelled(NOW_MS),), {})]
    assert room.row("inv_a").failures == 0
    assert room.fire(timer).effects == [], "the backoff is over, and another attempt runs"


def test_a_paused_handler_is_resumed_to_be_told(room: Room) -> None:
    room.submit("inv_a")
    room.fail("inv_a", execution=ONCE_THEN_PAUSE)
    step = room.cancel("inv_a")

    assert step.effects == [Start(room.row("inv_a"), (cancelled(NOW_MS),), {})]


def test_a_scheduled_invocation_ends_before_it_starts(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER, delay_ms=1_000)
    assert isinstance(room.status("inv_a"), Scheduled)
    timer = room.timer()
    step = room.cancel("inv_a")

    assert step.effects == [Answer("inv_a", outcome(NOT_STARTED))]
    assert step.writes.objects == {}, "it never came into the line"
    assert room.fire(timer) == Step(Writes(timers={timer: False}), [])


def test_a_queued_invocation_ends_and_leaves_its_place_in_line_empty(room: Room) -> None:
    for id in ("inv_a", "inv_b", "inv_c"):
        room.submit(id, ALICE, mode=WRITER)
    step = room.cancel("inv_b")

    assert step.effects == [Answer("inv_b", outcome(NOT_STARTED))]
    assert step.writes.inbox == {(ALICE.service, "alice", 0): None}
    room.end("inv_a")
    assert room.status("inv_c") == Running()
    room.end("inv_c")
    assert room.store.objects == {}


def test_a_line_of_which_only_empty_places_are_left_frees_its_key(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.cancel("inv_b")

    assert room.end("inv_a").writes.objects == {(ALICE.service, "alice"): None}


def test_who_joins_a_line_stands_behind_its_empty_places(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.cancel("inv_b")
    room.submit("inv_c", ALICE, mode=WRITER)

    assert room.status("inv_c") == Queued(1)
    assert room.store.objects == {(ALICE.service, "alice"): ObjectRow("inv_a", head=0, tail=2)}


def test_an_ended_invocation_stays_as_it_is(room: Room) -> None:
    room.submit("inv_a")
    room.end("inv_a", b"done")

    assert room.cancel("inv_a") == NOTHING
    assert room.cancel("inv_x") == NOTHING


def test_cancelling_again_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.cancel("inv_a")

    assert room.cancel("inv_a") == NOTHING


def test_a_suspension_that_missed_the_cancellation_starts_again(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.cancel("inv_a")
    step = room.suspend("inv_a", 0)

    assert step.effects == [Start(room.row("inv_a"), (sleep(1_000), cancelled(NOW_MS)), {})]


def test_a_suspension_that_has_seen_the_cancellation_is_one(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.cancel("inv_a")
    room.suspend("inv_a", 0, cancelled=True)

    assert room.status("inv_a") == Suspended((0,))


def test_a_lost_attempt_finds_the_cancellation_in_its_journal(room: Room) -> None:
    room.submit("inv_a")
    room.cancel("inv_a")

    assert room.lose("inv_a").effects == [Start(room.row("inv_a"), (cancelled(NOW_MS),), {})]


def test_telling_an_invocation_without_a_handler_is_a_bug(room: Room) -> None:
    room.submit("inv_a", delay_ms=1_000)

    with pytest.raises(AssertionError, match=r"inv_a is Scheduled.*: it has no handler to tell"):
        tell(Draft(room.store, NOW_MS), room.row("inv_a"))
