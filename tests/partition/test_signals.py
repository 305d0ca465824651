"""Signals: waits and signals meet by name, each in its order."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition.effect import Notify, Start
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import Target
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    NOTHING,
    SIGNUP,
    WRITER,
    await_signal,
    code_of,
    completed,
    completion,
    failure,
    send_signal,
    signal,
)


def test_a_signal_completes_the_wait_for_its_name(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, await_signal("approved"))
    step = room.signal("inv_a", "approved", b"by bob")

    assert step == Step(
        Writes(journal={("inv_a", 1): completed(0, NOW_MS, b"by bob")}),
        [Notify("inv_a", 1, completion(0, NOW_MS, b"by bob"))],
    )


def test_a_signal_may_be_an_error(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, await_signal("approved"))
    room.signal("inv_a", "approved", failure("declined"))

    assert room.result("inv_a", 0) == failure("declined")


def test_a_signal_wakes_who_is_suspended_on_it(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, await_signal("approved"))
    room.suspend("inv_a", 0)
    step = room.signal("inv_a", "approved")

    assert step.effects == [Start(room.row("inv_a"), (await_signal("approved"), completed(0, NOW_MS)), {})]


def test_early_signals_are_kept_and_taken_in_the_order_they_came(room: Room) -> None:
    room.submit("inv_a")
    for result in (b"1", b"2"):
        assert room.signal("inv_a", "approved", result).effects == []
    for command in range(3):
        room.command("inv_a", command, await_signal("approved"))
    room.signal("inv_a", "approved", b"3")

    assert [room.result("inv_a", command) for command in range(3)] == [b"1", b"2", b"3"]


def test_the_first_wait_gets_the_first_signal(room: Room) -> None:
    room.submit("inv_a")
    for command in range(2):
        room.command("inv_a", command, await_signal("approved"))
    room.signal("inv_a", "approved", b"1")
    assert room.result("inv_a", 1) is None

    room.signal("inv_a", "approved", b"2")
    assert [room.result("inv_a", command) for command in range(2)] == [b"1", b"2"]


def test_names_do_not_meet(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, await_signal("approved"))
    room.signal("inv_a", "paid", b"1")
    assert room.result("inv_a", 0) is None

    room.command("inv_a", 1, await_signal("paid"))
    assert room.result("inv_a", 1) == b"1"


def test_a_signal_waits_for_an_invocation_that_has_not_started(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.submit("inv_b", ALICE, mode=WRITER)
    room.signal("inv_b", "approved", b"1")
    step = room.end("inv_a")

    assert step.effects[-1] == Start(room.row("inv_b"), (signal("approved", b"1"),), {})


def test_a_signal_to_what_has_ended_or_never_was_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, await_signal("approved"))
    room.end("inv_a")

    assert room.signal("inv_a", "approved") == NOTHING
    assert room.signal("inv_x", "approved") == NOTHING


def test_a_handler_signals_another_invocation(room: Room) -> None:
    room.submit("inv_b")
    room.command("inv_b", 0, await_signal("approved"))
    room.submit("inv_a")
    step = room.command("inv_a", 0, send_signal("inv_b", "approved", b"1"))

    assert step.effects == [
        Notify("inv_b", 1, completion(0, NOW_MS, b"1")),
        Notify("inv_a", 1, completion(0, NOW_MS)),
    ]


def test_a_handler_signals_the_run_of_a_workflow_by_its_id(room: Room) -> None:
    room.run("inv_run")
    room.submit("inv_a")
    room.command("inv_a", 0, send_signal(SIGNUP, "approved", b"1"))

    assert room.journal("inv_run") == [signal("approved", b"1")]
    assert room.result("inv_a", 0) == b""


def test_a_handler_may_signal_itself(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, send_signal("inv_a", "approved", b"1"))
    room.command("inv_a", 1, await_signal("approved"))

    assert room.result("inv_a", 1) == b"1"


def test_a_handler_that_signals_what_has_ended_or_never_was_gets_not_found(room: Room) -> None:
    room.submit("inv_b")
    room.end("inv_b")
    room.submit("inv_a")
    names: list[str | Target] = ["inv_b", "inv_x", SIGNUP]
    for command, to in enumerate(names):
        room.command("inv_a", command, send_signal(to, "approved"))

    results = [room.result("inv_a", command) for command in range(3)]
    assert [code_of(result) for result in results] == [5, 5, 5]
    assert [result.message for result in results if isinstance(result, Failure)] == [
        "there is no invocation 'inv_b' that has not ended",
        "there is no invocation 'inv_x' that has not ended",
        "workflow shop.v1.Signup has no run that has not ended for id 'ada'",
    ]
