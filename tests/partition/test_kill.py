"""Killing: an invocation and all that it has called end at once, without their handlers."""

from perdure_runtime.partition.effect import Abort, Answer, Notify, NotifyCancelled
from perdure_runtime.partition.rows import Cancel, Ended, Running

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    EMAIL,
    NOTHING,
    WRITER,
    call,
    completion,
    failure,
    outcome,
    send,
    sleep,
)

KILLED = failure("killed by an operator", code=10)


def test_a_running_invocation_is_aborted_and_ends(room: Room) -> None:
    room.submit("inv_a")
    step = room.kill("inv_a")

    assert step.effects == [
        Abort("inv_a", 1, "killed by an operator"),
        Answer("inv_a", outcome(KILLED)),
    ]
    status = room.status("inv_a")
    assert isinstance(status, Ended)
    assert status.outcome == outcome(KILLED)


def test_one_that_does_not_run_ends_without_an_attempt(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.suspend("inv_a", 0)

    assert room.kill("inv_a").effects == [Answer("inv_a", outcome(KILLED))]


def test_all_that_it_has_called_ends_with_it_and_the_caller_before_its_callees(room: Room) -> None:
    room.submit("inv_a")
    middle = room.call()
    leaf = room.call(middle)
    step = room.kill("inv_a")

    assert step.effects == [
        effect
        for id in ("inv_a", middle, leaf)
        for effect in (Abort(id, 1, "killed by an operator"), Answer(id, outcome(KILLED)))
    ]


def test_a_caller_gets_the_end_of_a_killed_callee_as_an_error(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()

    assert room.kill(callee).effects[-1] == Notify("inv_a", 1, completion(0, NOW_MS, KILLED))


def test_a_cancelled_caller_is_told_once_the_callee_it_waits_for_is_killed(room: Room) -> None:
    room.submit("inv_a")
    callee = room.call()
    room.cancel("inv_a")
    step = room.kill(callee)

    assert NotifyCancelled("inv_a", 1, NOW_MS) in step.effects
    assert room.row("inv_a").cancel is Cancel.JOURNALED


def test_a_killed_writer_passes_its_key_on(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.kill("inv_a")

    assert room.status("inv_b") == Running()


def test_a_killed_one_in_line_leaves_the_line(room: Room) -> None:
    for id in ("inv_a", "inv_b", "inv_c"):
        room.submit(id, ALICE, mode=WRITER)
    room.kill("inv_b")
    room.end("inv_a")

    assert room.status("inv_c") == Running()


def test_what_it_has_sent_goes_on(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, send(EMAIL))
    sent = room.child("inv_a", 0, EMAIL)
    room.kill("inv_a")

    assert room.status(sent) == Running()


def test_what_others_have_made_goes_on(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.submit("inv_a")
    room.command("inv_a", 0, call(EMAIL, idempotency_key="k"))
    room.kill("inv_a")

    assert room.status("inv_first") == Running()
    assert room.end("inv_first").effects == [Answer("inv_first", outcome(b""))]


def test_killing_what_has_ended_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.kill("inv_a")

    assert room.kill("inv_a") == NOTHING
    assert room.kill("inv_x") == NOTHING
