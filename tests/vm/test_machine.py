"""One attempt: given these frames, when the handler does this, then these entries, steps and results."""

import pytest
from perdure.vm.errors import JournalMismatch, ProtocolViolation
from perdure.vm.machine import Settled
from perdure.vm.replay import Failures
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure

from tests.partition.samples import (
    EMAIL,
    call,
    clear_state,
    completed,
    completion,
    failure,
    run,
    send,
    set_state,
    sleep,
    step_failed,
)
from tests.vm.samples import CREATED_MS, machine, seen

LATER_MS = CREATED_MS + 1_000


def test_commands_are_numbered_and_go_to_the_node_in_order() -> None:
    fresh = machine()
    commands = [call(EMAIL), send(EMAIL), sleep(5), run(), set_state("a", b"1"), clear_state("a")]

    assert [fresh.issue(command) for command in commands] == [0, 1, 2, 3, 4, 5]
    assert fresh.take_entries() == commands
    assert fresh.take_entries() == []
    assert not fresh.replaying


@pytest.mark.parametrize("result", [b"sent", failure("no such address")])
def test_a_result_from_elsewhere_settles_its_command(result: bytes | Failure) -> None:
    fresh = machine()
    fresh.issue(call(EMAIL))
    assert fresh.next_settled() is None

    fresh.on_completion(completion(0, LATER_MS, result))
    assert seen(fresh) == [Settled(0, result)]


def test_a_result_that_comes_twice_settles_once() -> None:
    fresh = machine()
    fresh.issue(call(EMAIL))
    for _ in range(2):
        fresh.on_completion(completion(0, LATER_MS, b"sent"))

    assert seen(fresh) == [Settled(0, b"sent")]


# The clock.


def test_a_handler_reads_the_time_of_the_last_result_that_it_has_seen() -> None:
    fresh = machine()
    fresh.issue(sleep(1_000))
    fresh.on_completion(completion(0, LATER_MS))
    assert fresh.now_ms == CREATED_MS

    seen(fresh)
    assert fresh.now_ms == LATER_MS


def test_time_never_goes_back() -> None:
    fresh = machine()
    fresh.issue(sleep(1))
    fresh.issue(sleep(2))
    fresh.on_completion(completion(1, LATER_MS))
    fresh.on_completion(completion(0, CREATED_MS - 5))

    assert seen(fresh) == [Settled(1, b""), Settled(0, b"")]
    assert fresh.now_ms == LATER_MS


# Steps.


def test_a_step_starts_when_it_is_granted_and_once() -> None:
    fresh = machine()
    fresh.issue(run())
    assert fresh.take_startable() == []
    assert fresh.steps_open

    fresh.on_grant(0)
    fresh.on_grant(0)
    assert fresh.take_startable() == [0]
    assert fresh.take_startable() == []


@pytest.mark.parametrize("result", [b"paid", failure("card declined")])
def test_the_handler_sees_the_result_of_a_step_once_the_journal_has_it(result: bytes | Failure) -> None:
    fresh = machine()
    fresh.issue(run())
    fresh.on_grant(0)
    fresh.take_entries()
    fresh.step_ended(0, result, CREATED_MS + 1)
    assert fresh.take_entries() == [completed(0, CREATED_MS + 1, result)]
    assert seen(fresh) == []
    assert fresh.steps_open

    fresh.on_accepted(0, LATER_MS)
    assert seen(fresh) == [Settled(0, result)]
    assert fresh.now_ms == LATER_MS, "the time of the node, which a replay reads too"
    assert not fresh.steps_open


def test_an_acceptance_and_a_grant_that_come_twice_change_nothing() -> None:
    fresh = machine()
    fresh.issue(run())
    fresh.on_grant(0)
    fresh.step_ended(0, b"paid", CREATED_MS)
    fresh.on_grant(0)
    for _ in range(2):
        fresh.on_accepted(0, LATER_MS)
    fresh.on_grant(0)

    assert fresh.take_startable() == [0]
    assert seen(fresh) == [Settled(0, b"paid")]


def test_a_failed_execution_is_reported_and_counted() -> None:
    fresh = machine()
    fresh.issue(run())
    fresh.on_grant(0)
    fresh.take_entries()
    for number in range(1, 3):
        fresh.step_failed(0, "timeout", LATER_MS)
        assert fresh.step_failures(0) == Failures(number, LATER_MS)
        assert fresh.take_entries() == [step_failed(0, LATER_MS, "timeout")]


def test_failures_of_earlier_attempts_count() -> None:
    again = machine(run(), step_failed(0, 1, "timeout"), step_failed(0, 2, "timeout"))
    again.issue(run())
    again.on_grant(0)

    assert again.step_failures(0) == Failures(2, first_ms=1)
    again.step_failed(0, "timeout", LATER_MS)
    assert again.step_failures(0) == Failures(3, first_ms=1)


def test_a_step_that_is_granted_before_the_handler_comes_back_to_it_starts_when_it_does() -> None:
    again = machine(call(EMAIL), run())
    again.on_grant(1)
    again.on_grant(1)
    assert again.take_startable() == []
    assert not again.steps_open, "a handler that does not come to it may leave memory"

    again.issue(call(EMAIL))
    again.issue(run())
    assert again.take_startable() == [1]


def test_a_step_that_has_its_result_does_not_run_again() -> None:
    again = machine(run(), completed(0, LATER_MS, b"paid"))
    again.issue(run())

    assert not again.steps_open
    assert again.take_startable() == []
    assert again.take_entries() == []
    assert seen(again) == [Settled(0, b"paid")]


# Replay.


def test_commands_of_the_journal_are_not_sent_again() -> None:
    again = machine(call(EMAIL), sleep(5))
    assert again.replaying
    again.issue(call(EMAIL))
    again.issue(sleep(5))
    assert not again.replaying
    again.issue(run())

    assert again.take_entries() == [run()]


def test_results_of_the_journal_are_seen_in_its_order_and_place() -> None:
    again = machine(call(EMAIL), sleep(5), completed(1, LATER_MS), run(), completed(0, LATER_MS + 1, b"sent"))
    again.issue(call(EMAIL))
    assert seen(again) == [], "the journal has a second command before the first result"
    again.issue(sleep(5))
    assert seen(again) == [Settled(1, b"")]
    again.issue(run())
    assert seen(again) == [Settled(0, b"sent")]


def test_a_result_that_arrives_during_a_replay_is_seen_after_all_of_the_journal() -> None:
    again = machine(call(EMAIL), sleep(5), run(), completed(2, LATER_MS, b"paid"))
    again.issue(call(EMAIL))
    again.on_completion(completion(0, LATER_MS + 1, b"sent"))
    again.issue(sleep(5))
    assert seen(again) == []

    again.issue(run())
    assert seen(again) == [Settled(2, b"paid"), Settled(0, b"sent")]


@pytest.mark.parametrize(
    ("recorded", "replayed"),
    [
        (call(EMAIL, b"a"), call(EMAIL, b"b")),
        (run("charge"), run("refund")),
        (run("charge"), sleep(5)),
        (sleep(5), sleep(6)),
        (send(EMAIL, delay_ms=1), send(EMAIL)),
        (set_state("a", b"1"), clear_state("a")),
    ],
)
def test_another_command_than_the_recorded_one_is_a_mismatch(recorded: Entry, replayed: Entry) -> None:
    again = machine(sleep(1), completed(0, LATER_MS), recorded)
    again.issue(sleep(1))

    with pytest.raises(JournalMismatch) as caught:
        again.issue(replayed)
    assert caught.value.index == 2
    assert caught.value.recorded != caught.value.replayed
    assert str(caught.value) == (
        f"journal mismatch at entry 2: the journal says {caught.value.recorded}, the handler did "
        f"{caught.value.replayed}; {caught.value.help}"
    )


def test_an_end_before_the_journal_ends_is_a_mismatch() -> None:
    again = machine(call(EMAIL), completed(0, LATER_MS), run("charge"))
    again.issue(call(EMAIL))

    with pytest.raises(JournalMismatch, match="at entry 2: the journal says run 'charge', the handler did its end"):
        again.end()


def test_an_end_after_all_of_the_journal_is_none() -> None:
    again = machine(call(EMAIL))
    again.issue(call(EMAIL))

    again.end()


def test_a_handler_that_waits_where_the_journal_has_a_command_is_stuck() -> None:
    again = machine(call(EMAIL), run("charge"), completed(0, LATER_MS))
    again.issue(call(EMAIL))

    stuck = again.stuck([0])
    assert stuck is not None
    assert (stuck.index, stuck.recorded, stuck.replayed) == (1, "run 'charge'", "a wait for command 0")
    stuck = again.stuck([])
    assert stuck is not None
    assert stuck.replayed == "a wait for something outside"


def test_a_handler_that_has_a_result_to_see_is_not_stuck() -> None:
    again = machine(call(EMAIL), completed(0, LATER_MS), run("charge"))
    again.issue(call(EMAIL))
    assert again.stuck([0]) is None

    seen(again)
    assert again.stuck([0]) is not None, "it saw the result, and waits for it all the same"
    again.issue(run("charge"))
    assert again.stuck([1]) is None, "it waits for what is not there yet"


# What makes no sense.


@pytest.mark.parametrize(
    ("index", "journal"),
    [
        (0, [completed(0, 1), sleep(5)]),
        (2, [sleep(5), completed(0, 1), completed(0, 2)]),
        (1, [set_state("a", b"1"), completed(0, 1)]),
        (0, [step_failed(0, 1, "timeout"), run()]),
        (1, [sleep(5), step_failed(0, 1, "timeout")]),
        (2, [run(), completed(0, 1), step_failed(0, 2, "timeout")]),
        (1, [run(), Entry()]),
    ],
)
def test_a_journal_that_makes_no_sense_is_refused(index: int, journal: list[Entry]) -> None:
    with pytest.raises(ProtocolViolation, match=f"^entry {index} of the journal "):
        machine(*journal)


@pytest.mark.parametrize("command", [run(), set_state("a", b"1"), None])
def test_a_result_of_what_waits_for_none_is_refused(command: Entry | None) -> None:
    fresh = machine()
    if command is not None:
        fresh.issue(command)

    with pytest.raises(
        ProtocolViolation, match="command 0 completed, but it is no command that waits for a result of the runtime"
    ):
        fresh.on_completion(completion(0, 1))


@pytest.mark.parametrize("command", [sleep(5), set_state("a", b"1"), None])
def test_a_grant_of_what_is_no_step_is_refused(command: Entry | None) -> None:
    journal = [] if command is None else [command]
    for attempt in (machine(*journal), machine()):
        for entry in journal:
            attempt.issue(entry)
        with pytest.raises(ProtocolViolation, match="command 0 was granted its start, but it is no step"):
            attempt.on_grant(0)


def test_an_acceptance_of_what_was_not_sent_is_refused() -> None:
    fresh = machine()
    with pytest.raises(ProtocolViolation, match="the result of command 0 was accepted, but none was sent"):
        fresh.on_accepted(0, LATER_MS)
    fresh.issue(run())
    with pytest.raises(ProtocolViolation, match="it is Requested"):
        fresh.on_accepted(0, LATER_MS)


def test_a_report_of_a_step_that_does_not_run_is_refused() -> None:
    fresh = machine()
    fresh.issue(run())

    with pytest.raises(ProtocolViolation, match="command 0 is no step that runs: it is Requested"):
        fresh.step_ended(0, b"early", LATER_MS)
    with pytest.raises(ProtocolViolation, match="command 7 is no step that runs: it is None"):
        fresh.step_failed(7, "early", LATER_MS)
