"""Promises of a workflow: resolved or rejected once, seen by all its handlers."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.partition.effect import Notify, Start
from perdure_runtime.partition.rows import Caller, PromiseRow

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    SIGNUP,
    VERIFY,
    code_of,
    complete_promise,
    completed,
    completion,
    failure,
    get_promise,
    outcome,
    peek_promise,
)

PLACE = (SIGNUP.service, "ada")
VERIFIED = "email_verified"


def _waits(room: Room) -> None:
    """The run of a workflow waits for a promise of it."""
    room.run("inv_run")
    room.command("inv_run", 0, get_promise(VERIFIED))


@pytest.mark.parametrize("result", [b"yes", failure("bounced")])
def test_who_waits_gets_the_result(room: Room, result: bytes | Failure) -> None:
    _waits(room)
    assert room.store.agreed[PLACE] == {VERIFIED: PromiseRow(waiting=(Caller("inv_run", 0),))}
    room.submit("inv_v", VERIFY)
    step = room.command("inv_v", 0, complete_promise(VERIFIED, result))

    assert step.effects == [
        Notify("inv_v", 1, completion(0, NOW_MS)),
        Notify("inv_run", 1, completion(0, NOW_MS, result)),
    ]
    assert room.store.agreed[PLACE] == {VERIFIED: PromiseRow(outcome(result))}


def test_who_is_suspended_on_it_is_woken(room: Room) -> None:
    _waits(room)
    room.suspend("inv_run", 0)
    room.submit("inv_v", VERIFY)
    step = room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))

    journal = (get_promise(VERIFIED), completed(0, NOW_MS, b"yes"))
    assert step.effects[-1] == Start(room.row("inv_run"), journal, {})


def test_a_result_that_is_there_already_comes_at_once(room: Room) -> None:
    room.submit("inv_v", VERIFY)
    room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))
    _waits(room)

    assert room.result("inv_run", 0) == b"yes"


def test_all_who_wait_get_it_in_the_order_they_came(room: Room) -> None:
    _waits(room)
    room.command("inv_run", 1, get_promise(VERIFIED))
    room.submit("inv_w", VERIFY)
    room.command("inv_w", 0, get_promise(VERIFIED))
    room.submit("inv_v", VERIFY)
    step = room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))

    told = [(effect.invocation_id, effect.completion.command) for effect in step.effects if isinstance(effect, Notify)]
    assert told == [("inv_v", 0), ("inv_run", 0), ("inv_run", 1), ("inv_w", 0)]


def test_the_first_result_stays_and_who_comes_second_gets_already_exists(room: Room) -> None:
    _waits(room)
    room.submit("inv_v", VERIFY)
    room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))
    step = room.command("inv_v", 1, complete_promise(VERIFIED, failure("bounced")))

    assert code_of(room.result("inv_v", 1)) == 6
    assert step.writes.promises == {}
    assert room.store.agreed[PLACE] == {VERIFIED: PromiseRow(outcome(b"yes"))}


def test_a_handler_may_wait_for_what_it_resolves_itself(room: Room) -> None:
    _waits(room)
    step = room.command("inv_run", 1, complete_promise(VERIFIED, b"yes"))

    assert step.effects == [
        Notify("inv_run", 1, completion(1, NOW_MS)),
        Notify("inv_run", 1, completion(0, NOW_MS, b"yes")),
    ]


def test_a_look_gives_the_result_if_there_is_one(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, peek_promise(VERIFIED))
    room.command("inv_run", 1, complete_promise(VERIFIED, failure("bounced")))
    room.command("inv_run", 2, peek_promise(VERIFIED))

    seen = room.result("inv_run", 2)
    assert room.result("inv_run", 0) == b""
    assert isinstance(seen, bytes)
    assert Outcome.FromString(seen) == outcome(failure("bounced"))


def test_a_look_at_an_empty_result_is_no_look_at_none(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, complete_promise(VERIFIED, b""))
    room.command("inv_run", 1, peek_promise(VERIFIED))

    seen = room.result("inv_run", 1)
    assert isinstance(seen, bytes)
    assert seen
    assert Outcome.FromString(seen).HasField("value")


def test_a_look_waits_for_nothing_and_leaves_nothing_behind(room: Room) -> None:
    room.run("inv_run")

    assert room.command("inv_run", 0, peek_promise(VERIFIED)).writes.promises == {}


def test_promises_of_one_id_and_name_are_not_those_of_another(room: Room) -> None:
    _waits(room)
    bob = type(VERIFY)(VERIFY.service, VERIFY.handler, "bob")
    room.submit("inv_v", bob)
    room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))
    room.submit("inv_w", VERIFY)
    room.command("inv_w", 0, complete_promise("paid", b"yes"))

    assert room.result("inv_run", 0) is None


def test_a_result_outlives_the_run_for_handlers_that_come_later(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, complete_promise(VERIFIED, b"yes"))
    room.end("inv_run")
    room.submit("inv_v", VERIFY)
    room.command("inv_v", 0, get_promise(VERIFIED))

    assert room.result("inv_v", 0) == b"yes"


def test_who_has_ended_gets_nothing_any_more(room: Room) -> None:
    _waits(room)
    room.end("inv_run")
    room.submit("inv_v", VERIFY)
    step = room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))

    assert step.effects == [Notify("inv_v", 1, completion(0, NOW_MS))]


def test_promises_that_memory_has_let_go_of_come_back_as_they_were(room: Room) -> None:
    _waits(room)
    room.memory = type(room.memory)()
    room.submit("inv_v", VERIFY)
    room.command("inv_v", 0, complete_promise(VERIFIED, b"yes"))

    assert room.result("inv_run", 0) == b"yes"
