"""Calls and sends between invocations."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition.effect import Answer, Notify, Start
from perdure_runtime.partition.rows import Caller, Ended, Queued, Running, Scheduled, Suspended

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    EMAIL,
    NOTHING,
    ORDER,
    WRITER,
    call,
    called,
    completed,
    completion,
    failure,
    outcome,
    run,
    send,
    sleep,
)


def _called(room: Room, parent: str = "inv_a", command: int = 0, idempotency_key: str = "") -> str:
    """``parent`` calls the e-mail service; the id of the callee."""
    return room.call(parent, command, idempotency_key=idempotency_key)


def test_a_call_starts_its_callee_and_remembers_the_caller(room: Room) -> None:
    room.submit("inv_a")
    entry = call(EMAIL, b"ticket", headers={"b": "2", "a": "1"})
    step = room.command("inv_a", 0, entry)

    callee = room.child("inv_a", 0, EMAIL)
    row = room.row(callee)
    assert (row.target, row.input, row.headers, row.caller) == (
        EMAIL,
        b"ticket",
        (("a", "1"), ("b", "2")),
        Caller("inv_a", 0),
    )
    assert step.writes.journal == {("inv_a", 0): called(entry, callee)}
    assert step.effects == [Start(row, journal=(), state={})]


@pytest.mark.parametrize("result", [b"sent", failure("no such address")])
def test_the_outcome_of_the_callee_completes_the_call(room: Room, result: bytes | Failure) -> None:
    room.submit("inv_a")
    callee = _called(room)
    step = room.end(callee, result)

    assert step.writes.journal == {("inv_a", 1): completed(0, NOW_MS, result)}
    assert step.effects == [Answer(callee, outcome(result)), Notify("inv_a", 1, completion(0, NOW_MS, result))]


def test_a_call_of_an_object_waits_in_its_line(room: Room) -> None:
    room.submit("inv_holder", ALICE, mode=WRITER)
    room.submit("inv_a")
    step = room.command("inv_a", 0, call(ALICE), mode=WRITER)

    assert room.status(room.child("inv_a", 0, ALICE)) == Queued(0)
    assert step.effects == []


def test_a_callee_wakes_its_suspended_caller(room: Room) -> None:
    room.submit("inv_a")
    callee = _called(room)
    room.suspend("inv_a", 0)
    step = room.end(callee, b"sent")

    assert step.effects[1:] == [
        Start(room.row("inv_a"), journal=(called(call(EMAIL), callee), completed(0, NOW_MS, b"sent")), state={}),
    ]
    assert room.row("inv_a").attempt == 2


def test_a_result_waits_in_the_journal_of_a_caller_that_is_suspended_on_something_else(room: Room) -> None:
    room.submit("inv_a")
    callee = _called(room)
    room.command("inv_a", 1, sleep(1_000))
    room.suspend("inv_a", 1)
    step = room.end(callee, b"sent")

    assert room.status("inv_a") == Suspended((1,))
    assert step.effects == [Answer(callee, outcome(b"sent"))]
    assert room.journal("inv_a")[-1] == completed(0, NOW_MS, b"sent")


def test_a_result_waits_in_the_journal_of_a_caller_that_backs_off(room: Room) -> None:
    room.submit("inv_a")
    callee = _called(room)
    room.fail("inv_a")
    room.end(callee, b"sent")

    step = room.fire(room.timer())
    assert step.effects == [Start(room.row("inv_a"), (called(call(EMAIL), callee), completed(0, NOW_MS, b"sent")), {})]


def test_a_callee_whose_caller_has_ended_completes_nothing(room: Room) -> None:
    room.submit("inv_a")
    callee = _called(room)
    room.end("inv_a", b"did not wait")
    step = room.end(callee, b"sent")

    assert step.writes.journal == {}
    assert step.effects == [Answer(callee, outcome(b"sent"))]


def test_a_callee_whose_caller_is_forgotten_completes_nothing(room: Room) -> None:
    room.submit("inv_a")
    callee = _called(room)
    room.end("inv_a")
    row = room.status("inv_a")
    assert isinstance(row, Ended)
    room.now_ms = row.outcome_until_ms
    room.purge("inv_a")

    assert room.end(callee, b"sent").effects == [Answer(callee, outcome(b"sent"))]


def test_a_call_with_the_key_of_a_running_invocation_waits_for_that_one(room: Room) -> None:
    room.submit("inv_a")
    room.submit("inv_first", EMAIL, idempotency_key="k")
    step = room.command("inv_a", 0, call(EMAIL, idempotency_key="k"))

    assert step.effects == []
    assert step.writes.listeners == {("inv_first", Caller("inv_a", 0)): True}
    assert step.writes.inserted == set()

    step = room.end("inv_first", b"sent")
    assert step.writes.listeners == {("inv_first", Caller("inv_a", 0)): False}
    assert step.effects == [Answer("inv_first", outcome(b"sent")), Notify("inv_a", 1, completion(0, NOW_MS, b"sent"))]


@pytest.mark.parametrize("result", [b"sent", failure("no such address")])
def test_a_call_with_the_key_of_an_ended_invocation_completes_at_once(room: Room, result: bytes | Failure) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.end("inv_first", result)
    room.submit("inv_a")
    step = room.command("inv_a", 0, call(EMAIL, idempotency_key="k"))

    assert step.writes.journal == {
        ("inv_a", 0): called(call(EMAIL, idempotency_key="k"), "inv_first"),
        ("inv_a", 1): completed(0, NOW_MS, result),
    }
    assert step.effects == [Notify("inv_a", 1, completion(0, NOW_MS, result))]


def test_two_calls_with_one_key_both_complete(room: Room) -> None:
    room.submit("inv_a")
    callee = _called(room, command=0, idempotency_key="k")
    room.command("inv_a", 1, call(EMAIL, idempotency_key="k"))
    room.suspend("inv_a", 0, 1)
    step = room.end(callee, b"sent")

    # The first completion wakes the caller; the second finds it running.
    start = step.effects[1]
    assert isinstance(start, Start)
    assert start.journal[-1] == completed(0, NOW_MS, b"sent")
    assert step.effects[2] == Notify("inv_a", 2, completion(1, NOW_MS, b"sent"))


def test_those_who_wait_hear_of_an_end_in_an_order_that_does_not_depend_on_memory(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    for id in ("inv_c", "inv_b", "inv_d"):
        room.submit(id)
        room.command(id, 0, call(EMAIL, idempotency_key="k"))
    step = room.end("inv_first")

    told = [effect.invocation_id for effect in step.effects if isinstance(effect, Notify)]
    assert told == ["inv_b", "inv_c", "inv_d"]


def test_an_invocation_that_calls_itself_by_its_key_hears_nothing_when_it_ends(room: Room) -> None:
    room.submit("inv_a", ORDER, idempotency_key="k")
    room.command("inv_a", 0, call(ORDER, idempotency_key="k"))
    step = room.end("inv_a", b"done")

    assert step.effects == [Answer("inv_a", outcome(b"done"))]
    assert step.writes.journal == {}


def test_a_send_completes_at_once_with_the_id_of_what_it_made(room: Room) -> None:
    room.submit("inv_a")
    step = room.command("inv_a", 0, send(EMAIL, b"ticket"))

    sent = room.child("inv_a", 0, EMAIL)
    assert room.row(sent).caller is None
    assert room.status(sent) == Running()
    assert room.journal("inv_a") == [send(EMAIL, b"ticket"), completed(0, NOW_MS, sent.encode())]
    assert step.effects == [
        Start(room.row(sent), journal=(), state={}),
        Notify("inv_a", 1, completion(0, NOW_MS, sent.encode())),
    ]


def test_a_delayed_send_starts_when_its_delay_is_over(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, send(EMAIL, delay_ms=1_000))

    sent = room.child("inv_a", 0, EMAIL)
    assert room.status(sent) == Scheduled(NOW_MS + 1_000)
    room.end("inv_a")
    assert room.fire(room.timer()).effects == [Start(room.row(sent), journal=(), state={})]


def test_a_send_with_a_known_key_gives_the_id_of_the_first(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.submit("inv_a")
    step = room.command("inv_a", 0, send(EMAIL, idempotency_key="k"))

    assert step.effects == [Notify("inv_a", 1, completion(0, NOW_MS, b"inv_first"))]


def test_the_end_of_a_sent_invocation_tells_nobody(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, send(EMAIL))
    sent = room.child("inv_a", 0, EMAIL)

    assert room.end(sent, b"sent").effects == [Answer(sent, outcome(b"sent"))]


def test_a_repeated_call_makes_no_second_callee(room: Room) -> None:
    room.submit("inv_a")
    _called(room)

    assert room.command("inv_a", 0, call(EMAIL)) == NOTHING


def test_a_callee_lets_the_open_steps_of_its_woken_caller_start(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    callee = _called(room, command=1)
    room.suspend("inv_a", 1)
    step = room.end(callee)

    assert [type(effect).__name__ for effect in step.effects] == ["Answer", "Start", "Grant"]
