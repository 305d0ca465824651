"""Running an ended invocation again: from its beginning, or from a command of its journal."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.effect import Accepted, Grant, Start
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.lifecycle.restart import unfinished
from perdure_runtime.partition.rows import IdempotencyKey, Queued, Running

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    NOTHING,
    ORDER,
    SIGNUP,
    WRITER,
    await_signal,
    awakeable,
    cancelled,
    completed,
    failure,
    run,
    set_state,
    signal,
    sleep,
    step_failed,
)


def test_the_new_one_has_the_input_of_the_old_one_and_its_handler(room: Room) -> None:
    room.submit("inv_a", input=b"order", idempotency_key="k")
    room.end("inv_a", failure("no stock"))
    room.now_ms += 5
    step = room.restart("inv_a", "inv_b")

    row = room.row("inv_b")
    assert (row.target, row.input, row.status, row.caller, row.idempotency_key) == (
        ORDER,
        b"order",
        Running(),
        None,
        "",
    )
    assert row.created_at_ms == NOW_MS + 5
    assert step.effects == [Start(row, (), {})]


def test_the_old_one_stays_as_it_is_and_its_idempotency_key_names_it(room: Room) -> None:
    room.submit("inv_a", idempotency_key="k")
    room.end("inv_a", b"done")
    before = room.row("inv_a")
    room.restart("inv_a", "inv_b")

    assert room.row("inv_a") == before
    assert room.submit("inv_c", idempotency_key="k").effects == [Accepted("inv_c", "inv_a", existing=True)]


def test_the_commands_that_are_kept_bring_their_results_and_the_time_they_were_made_at(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run("charge"))
    room.step_failed("inv_a", 0, 1, "no answer")
    room.step_ended("inv_a", 0, b"paid")
    room.command("inv_a", 1, run("reserve"))
    room.step_ended("inv_a", 1, failure("no stock"))
    room.end("inv_a", failure("no stock"))
    room.now_ms += 5
    room.restart("inv_a", "inv_b", commands=1)

    assert room.row("inv_b").created_at_ms == NOW_MS
    assert room.journal("inv_b") == [run("charge"), step_failed(0, NOW_MS, "no answer"), completed(0, NOW_MS, b"paid")]


def test_a_result_that_came_after_a_later_command_is_kept_too(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run("charge"))
    room.command("inv_a", 1, sleep(1_000))
    room.step_ended("inv_a", 0, b"paid")
    room.end("inv_a")
    room.restart("inv_a", "inv_b", commands=1)

    assert room.journal("inv_b") == [run("charge"), completed(0, NOW_MS, b"paid")]


def test_a_step_without_a_result_runs_again(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.kill("inv_a")
    step = room.restart("inv_a", "inv_b", commands=1)

    assert step.effects == [Start(room.row("inv_b"), (run(),), {}), Grant("inv_b", 1, 0)]


def test_signals_and_the_cancellation_of_the_old_one_are_not_the_new_ones(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.signal("inv_a", "go")
    room.step_ended("inv_a", 0)
    room.cancel("inv_a")
    room.end("inv_a")
    assert [signal("go"), cancelled(NOW_MS)] == [room.journal("inv_a")[1], room.journal("inv_a")[3]]
    room.restart("inv_a", "inv_b", commands=1)

    assert room.journal("inv_b") == [run(), completed(0, NOW_MS)]


@pytest.mark.parametrize("waits", [sleep(1_000), await_signal("go"), awakeable("awk_a_0_c")])
def test_a_wait_without_a_result_cannot_be_kept(room: Room, waits: Entry) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, waits)
    room.end("inv_a")

    assert room.restart("inv_a", "inv_b", commands=1) == NOTHING
    assert unfinished(Journal(room.journal("inv_a")), 1) == 0
    room.restart("inv_a", "inv_b")
    assert room.journal("inv_b") == []


def test_a_journal_is_kept_no_further_than_it_goes(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, set_state("balance", b"1"))
    room.end("inv_a")

    assert room.restart("inv_a", "inv_b", commands=2) == NOTHING
    assert room.restart("inv_a", "inv_b", commands=1) != NOTHING


def test_it_waits_in_the_line_of_its_key(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    room.end("inv_a")
    room.submit("inv_b", ALICE, mode=WRITER)
    room.restart("inv_a", "inv_c")

    assert room.status("inv_c") == Queued(0)
    room.end("inv_b")
    assert room.status("inv_c") == Running()


def test_the_workflow_id_names_the_new_run(room: Room) -> None:
    room.run("inv_a")
    room.end("inv_a", failure("no"))
    step = room.restart("inv_a", "inv_b")

    assert step.writes.idempotency == {IdempotencyKey(SIGNUP, ""): "inv_b"}
    assert room.run("inv_c").effects == [Accepted("inv_c", "inv_b", existing=True)]


def test_forgetting_the_old_run_leaves_the_new_one_its_state(room: Room) -> None:
    room.run("inv_a")
    room.end("inv_a", failure("no"))
    room.restart("inv_a", "inv_b")
    room.command("inv_b", 0, set_state("step", b"1"))
    room.purge("inv_a", now=True)

    assert room.store.states[SIGNUP.service, "ada"] == {"step": b"1"}
    assert room.run("inv_c").effects == [Accepted("inv_c", "inv_b", existing=True)]


def test_only_what_has_ended_is_restarted_and_only_once_as_one_id(room: Room) -> None:
    room.submit("inv_a")
    assert room.restart("inv_a", "inv_b") == NOTHING
    assert room.restart("inv_x", "inv_b") == NOTHING

    room.end("inv_a")
    room.restart("inv_a", "inv_b")
    assert room.restart("inv_a", "inv_b") == NOTHING
