"""The run of a workflow: one for each id, whoever asks for it."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition.effect import Accepted, Notify, Refused, Start
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import Caller, IdempotencyKey, Running, Target
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ONE_RUN,
    SIGNUP,
    VERIFY,
    call,
    called,
    code_of,
    completion,
    send,
    set_state,
)


def test_the_first_call_of_an_id_is_its_run(room: Room) -> None:
    step = room.run("inv_run")

    assert step.writes.idempotency == {IdempotencyKey(SIGNUP, ""): "inv_run"}
    assert step.effects == [Start(room.row("inv_run"), (), {}), Accepted("inv_run", "inv_run")]


def test_a_second_call_is_the_first_one_while_it_runs_and_after(room: Room) -> None:
    room.run("inv_run")
    assert room.run("inv_b") == Step(Writes(), [Accepted("inv_b", "inv_run", existing=True)])

    room.end("inv_run", b"done")
    assert room.run("inv_c") == Step(Writes(), [Accepted("inv_c", "inv_run", existing=True)])


def test_each_id_runs_by_itself(room: Room) -> None:
    room.run("inv_run")
    room.run("inv_bob", Target(SIGNUP.service, SIGNUP.handler, "bob"))

    assert room.status("inv_bob") == Running()


def test_a_call_that_must_be_new_is_refused_where_the_id_has_run(room: Room) -> None:
    room.run("inv_run", must_be_new=True)
    assert room.status("inv_run") == Running()

    assert room.run("inv_b", must_be_new=True) == Step(Writes(), [Refused("inv_b", "inv_run")])


def test_a_call_that_must_be_new_and_is_repeated_by_its_idempotency_key_is_the_first(room: Room) -> None:
    room.run("inv_run", idempotency_key="k", must_be_new=True)

    assert room.run("inv_b", idempotency_key="k", must_be_new=True).effects == [
        Accepted("inv_b", "inv_run", existing=True)
    ]
    assert room.run("inv_c", idempotency_key="another", must_be_new=True).effects == [Refused("inv_c", "inv_run")]
    assert room.run("inv_run", idempotency_key="k", must_be_new=True).effects == [
        Accepted("inv_run", "inv_run", existing=True)
    ]


def test_no_idempotency_key_is_no_repetition(room: Room) -> None:
    room.run("inv_run")

    assert room.run("inv_b", must_be_new=True).effects == [Refused("inv_b", "inv_run")]


def test_an_idempotency_key_makes_no_second_name_for_a_run(room: Room) -> None:
    room.run("inv_run", idempotency_key="k")

    assert set(room.store.keys) == {IdempotencyKey(SIGNUP, "")}


def test_must_be_new_says_nothing_of_what_is_no_run(room: Room) -> None:
    room.submit("inv_v", VERIFY, idempotency_key="k")

    assert room.submit("inv_w", VERIFY, idempotency_key="k", must_be_new=True).effects == [
        Accepted("inv_w", "inv_v", existing=True)
    ]


def test_a_handler_that_calls_the_run_again_waits_for_the_first(room: Room) -> None:
    room.run("inv_run")
    room.submit("inv_a")
    step = room.command("inv_a", 0, call(SIGNUP), mode=ONE_RUN)
    assert step.writes.listeners == {("inv_run", Caller("inv_a", 0)): True}
    assert room.journal("inv_a") == [called(call(SIGNUP), "inv_run")]

    assert room.end("inv_run", b"done").effects[-1] == Notify("inv_a", 1, completion(0, NOW_MS, b"done"))


def test_a_handler_whose_call_must_be_new_gets_already_exists(room: Room) -> None:
    room.run("inv_run")
    room.submit("inv_a")
    room.command("inv_a", 0, call(SIGNUP, must_be_new=True), mode=ONE_RUN)
    room.command("inv_a", 1, send(SIGNUP, must_be_new=True), mode=ONE_RUN)

    results = [room.result("inv_a", command) for command in range(2)]
    assert [code_of(result) for result in results] == [6, 6]
    assert {result.message for result in results if isinstance(result, Failure)} == {
        "workflow shop.v1.Signup has already run for id 'ada'"
    }
    assert room.journal("inv_a")[0] == called(call(SIGNUP, must_be_new=True), "inv_run")


def test_a_handler_whose_send_need_not_be_new_gets_the_id_of_the_first(room: Room) -> None:
    room.run("inv_run")
    room.submit("inv_a")
    room.command("inv_a", 0, send(SIGNUP), mode=ONE_RUN)

    assert room.result("inv_a", 0) == b"inv_run"


def test_shared_handlers_run_before_the_run_beside_it_and_after_it(room: Room) -> None:
    room.submit("inv_before", VERIFY)
    room.run("inv_run")
    room.command("inv_run", 0, set_state("step", b"1"))
    step = room.submit("inv_beside", VERIFY)
    assert step.effects[0] == Start(room.row("inv_beside"), (), {"step": b"1"})

    room.end("inv_run", b"done")
    room.submit("inv_after", VERIFY)
    assert {room.status(id) for id in ("inv_before", "inv_beside", "inv_after")} == {Running()}
