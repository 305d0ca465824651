"""Cancelling: what an invocation has called ends before its handler is told."""

from perdure_runtime.partition.effect import Answer, Notify, NotifyCancelled, Start
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.rows import (
    Caller,
    Cancel,
    Ended,
    Mode,
    Paused,
    Suspended,
)

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    BOB,
    EMAIL,
    NOTHING,
    WRITER,
    call,
    called,
    cancelled,
    completed,
    completion,
    failure,
    outcome,
    send,
)

NOT_STARTED = failure("cancelled before it started", code=1)
CANCELLED = failure("cancelled", code=1)


def test_what_it_has_called_is_told_first_and_itself_once_that_has_ended(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    step = room.cancel("inv_a")

    assert step.effects == [NotifyCancelled(callee, 1, NOW_MS)]
    assert room.row("inv_a").cancel is Cancel.CALLEES
    assert room.cancel("inv_a") == NOTHING

    step = room.end(callee, CANCELLED)
    assert step.effects == [
        Answer(callee, outcome(CANCELLED)),
        NotifyCancelled("inv_a", 1, NOW_MS),
        Notify("inv_a", 1, completion(0, NOW_MS, CANCELLED)),
    ]
    assert room.row("inv_a").cancel is Cancel.JOURNALED
    assert room.journal("inv_a") == [
        called(call(EMAIL), callee),
        cancelled(NOW_MS),
        completed(0, NOW_MS, CANCELLED),
    ]


def test_a_suspended_caller_is_woken_with_its_cancellation_before_the_results_of_its_calls(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    room.suspend("inv_a", 0)
    room.cancel("inv_a")
    assert room.status("inv_a") == Suspended((0,))

    step = room.end(callee, CANCELLED)
    assert step.effects[1:] == [
        Start(room.row("inv_a"), (called(call(EMAIL), callee), cancelled(NOW_MS)), {}),
        Notify("inv_a", 2, completion(0, NOW_MS, CANCELLED)),
    ]


def test_the_leaves_are_told_first(room: Room) -> None:
    room.submit("inv_a")
    middle = room.call()
    leaf = room.call(middle)

    assert room.cancel("inv_a").effects == [NotifyCancelled(leaf, 1, NOW_MS)]
    assert NotifyCancelled(middle, 1, NOW_MS) in room.end(leaf, CANCELLED).effects
    assert NotifyCancelled("inv_a", 1, NOW_MS) in room.end(middle, CANCELLED).effects


def test_a_caller_waits_for_the_last_of_its_callees_and_gets_their_results_in_order(room: Room) -> None:
    room.submit("inv_a")
    first, second = room.call(), room.call(command=1)
    room.cancel("inv_a")

    assert room.end(second, CANCELLED).effects == [Answer(second, outcome(CANCELLED))], "it is held back"
    assert room.end(first, b"sent").effects[1:] == [
        NotifyCancelled("inv_a", 1, NOW_MS),
        Notify("inv_a", 1, completion(0, NOW_MS, b"sent")),
        Notify("inv_a", 1, completion(1, NOW_MS, CANCELLED)),
    ]


def test_callees_that_have_not_started_end_at_once_and_their_caller_is_told_in_the_same_step(room: Room) -> None:
    room.submit("inv_alice", ALICE, mode=WRITER)
    room.submit("inv_bob", BOB, mode=WRITER)
    room.submit("inv_a")
    room.command("inv_a", 0, call(ALICE), mode=WRITER)
    room.command("inv_a", 1, call(BOB), mode=WRITER)
    step = room.cancel("inv_a")

    assert [effect for effect in step.effects if not isinstance(effect, Answer)] == [
        NotifyCancelled("inv_a", 1, NOW_MS),
        Notify("inv_a", 1, completion(0, NOW_MS, NOT_STARTED)),
        Notify("inv_a", 1, completion(1, NOW_MS, NOT_STARTED)),
    ]


def test_what_it_has_sent_goes_on(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, send(EMAIL))

    assert room.cancel("inv_a").effects == [NotifyCancelled("inv_a", 1, NOW_MS)]


def test_what_others_have_made_is_theirs_to_cancel(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.submit("inv_a")
    room.call(idempotency_key="k")
    assert room.cancel("inv_a").effects == [NotifyCancelled("inv_a", 1, NOW_MS)]

    room.submit("inv_b")
    shared = room.call("inv_b", 0, idempotency_key="of b")
    room.submit("inv_c")
    room.call("inv_c", 0, idempotency_key="of b")
    assert room.row(shared).caller == Caller("inv_b", 0)
    assert room.cancel("inv_c").effects == [NotifyCancelled("inv_c", 1, NOW_MS)]


def test_a_callee_that_is_forgotten_is_not_waited_for(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    room.end("inv_a")
    room.end(callee)
    room.purge(callee, now=True)
    # As after a bug: nothing may wait for what is not there.
    room.submit("inv_b")
    room.store.journals["inv_b"] = [called(call(EMAIL), callee)]
    room.memory = type(room.memory)()

    assert NotifyCancelled("inv_b", 1, NOW_MS) in room.cancel("inv_b").effects


def test_the_result_of_a_call_that_is_not_its_own_comes_when_that_one_ends(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.submit("inv_a")
    room.call(idempotency_key="k")
    own = room.call(command=1)
    room.cancel("inv_a")
    room.end(own, CANCELLED)
    assert (room.result("inv_a", 0), room.result("inv_a", 1)) == (None, CANCELLED)

    room.end("inv_first", b"sent")
    assert room.result("inv_a", 0) == b"sent"


def test_a_call_that_is_made_while_its_callees_are_cancelled_is_cancelled_too(room: Room) -> None:
    room.submit("inv_a")
    first = room.call()
    room.cancel("inv_a")
    step = room.command("inv_a", 1, call(EMAIL))
    second = room.child("inv_a", 1, EMAIL)

    assert [type(effect).__name__ for effect in step.effects] == ["Start", "NotifyCancelled"]
    room.end(first, CANCELLED)
    assert room.row("inv_a").cancel is Cancel.CALLEES
    room.end(second, CANCELLED)
    assert room.row("inv_a").cancel is Cancel.JOURNALED


def test_a_call_after_it_was_told_runs_undisturbed(room: Room) -> None:
    room.submit("inv_a")
    room.cancel("inv_a")
    room.apply(Command("inv_a", 1, 0, call(EMAIL), cancellation_accepted=True))
    callee = room.child("inv_a", 0, EMAIL)

    assert room.row(callee).cancel is Cancel.NONE
    assert room.end(callee, b"undone").effects[-1] == Notify("inv_a", 1, completion(0, NOW_MS, b"undone"))


def test_a_call_that_was_on_its_way_when_its_handler_was_told_is_cancelled(room: Room) -> None:
    room.submit("inv_a")
    room.cancel("inv_a")
    callee = room.call()

    assert room.row(callee).cancel is Cancel.JOURNALED


def test_a_caller_that_ends_before_its_callees_hears_nothing_more(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    room.cancel("inv_a")
    room.end("inv_a", b"did not wait")

    assert room.end(callee, CANCELLED).effects == [Answer(callee, outcome(CANCELLED))]


def test_a_handler_that_looks_after_it_itself_is_told_at_once_and_its_callees_go_on(room: Room) -> None:
    room.submit("inv_a", mode=Mode(explicit_cancellation=True))
    callee = room.call()
    step = room.cancel("inv_a")

    assert step.effects == [NotifyCancelled("inv_a", 1, NOW_MS)]
    assert room.row(callee).cancel is Cancel.NONE


def test_a_pause_holds_the_cancellation_of_callees_up_and_a_resume_goes_on_with_it(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    room.cancel("inv_a")
    room.pause(callee)
    assert isinstance(room.status(callee), Paused)
    room.resume(callee)
    room.end(callee, CANCELLED)

    assert isinstance(room.status(callee), Ended)
    assert room.row("inv_a").cancel is Cancel.JOURNALED


def test_a_call_that_its_handler_shields_is_neither_cancelled_nor_waited_for(room: Room) -> None:
    room.submit("inv_a")
    step = room.apply(Command("inv_a", 1, 0, call(EMAIL), cancellation_accepted=True))
    (kept,) = step.writes.inserted
    callee = room.call(command=1)
    room.cancel("inv_a")

    assert room.row(kept).cancel is Cancel.NONE
    step = room.end(kept, b"sent")
    assert Notify("inv_a", 1, completion(0, NOW_MS, b"sent")) in step.effects
    assert room.row("inv_a").cancel is Cancel.CALLEES
    room.end(callee, CANCELLED)
    assert room.row("inv_a").cancel is Cancel.JOURNALED


def test_a_caller_that_only_waits_for_what_it_shields_is_told_at_once(room: Room) -> None:
    room.submit("inv_a")
    room.apply(Command("inv_a", 1, 0, call(EMAIL), cancellation_accepted=True))
    room.cancel("inv_a")
    assert room.row("inv_a").cancel is Cancel.JOURNALED


def test_what_is_shielded_from_a_cancellation_is_killed_with_its_caller(room: Room) -> None:
    room.submit("inv_a")
    step = room.apply(Command("inv_a", 1, 0, call(EMAIL), cancellation_accepted=True))
    (kept,) = step.writes.inserted
    room.kill("inv_a")
    assert isinstance(room.status(kept), Ended)
