"""What a handler asks of invocations in other partitions."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from perdure_runtime.partition.rows import Cancel, Ended

from tests.partition.far import THERE, Far
from tests.partition.samples import (
    attach,
    await_signal,
    awakeable,
    cancel,
    code_of,
    complete_awakeable,
    outcome,
    output,
    send_signal,
)

NOT_FOUND = 5


@pytest.fixture
def town() -> Far:
    return Far()


def test_it_attaches_to_what_runs_and_gets_its_outcome(town: Far) -> None:
    other = town.running_there()
    command = town.ask(attach(other))
    assert town.store.listeners(other) == (town.by(command),)

    town.end(other, b"sent")
    town.bring()
    assert town.result(town.caller, command) == b"sent"


def test_it_attaches_to_what_has_ended(town: Far) -> None:
    other = town.running_there()
    town.end(other, b"sent")

    assert town.result(town.caller, town.ask(attach(other))) == b"sent"


def test_it_attaches_to_the_run_of_a_workflow(town: Far) -> None:
    signup, run = town.workflow(THERE), town.mint(THERE)
    town.run(run, signup)
    town.end(run, b"done")

    assert town.result(town.caller, town.ask(attach(signup))) == b"done"


def test_it_looks_at_an_output(town: Far) -> None:
    other = town.running_there()
    assert town.result(town.caller, town.ask(output(other))) == b""

    town.end(other, b"sent")
    looked = town.result(town.caller, town.ask(output(other)))
    assert isinstance(looked, bytes)
    assert Outcome.FromString(looked) == outcome(b"sent")


def test_its_signals_come_in_order(town: Far) -> None:
    other = town.running_there()
    town.command(other, 0, await_signal("go"))
    town.command(other, 1, await_signal("go"))
    first, second = town.issue(send_signal(other, "go", b"1")), town.issue(send_signal(other, "go", b"2"))
    town.bring()

    assert (town.result(other, 0), town.result(other, 1)) == (b"1", b"2")
    assert (town.result(town.caller, first), town.result(town.caller, second)) == (b"", b"")


def test_it_cancels_another_one(town: Far) -> None:
    other = town.running_there()

    assert town.result(town.caller, town.ask(cancel(other))) == b""
    assert town.row(other).cancel is Cancel.JOURNALED


def test_it_completes_an_awakeable(town: Far) -> None:
    other = town.running_there()
    awk = f"awk_{other.removeprefix('inv_')}_0_c0ffee"
    town.command(other, 0, awakeable(awk))

    assert town.result(town.caller, town.ask(complete_awakeable(awk, b"paid"))) == b""
    assert town.result(other, 0) == b"paid"


def test_who_asks_for_what_there_is_not_hears_that(town: Far) -> None:
    unknown = town.mint(THERE)
    awk = f"awk_{unknown.removeprefix('inv_')}_0_c0ffee"
    questions: list[Entry] = [
        attach(unknown),
        attach(town.workflow(THERE)),
        output(unknown),
        send_signal(unknown, "go"),
        cancel(unknown),
        complete_awakeable(awk),
    ]
    for question in questions:
        assert code_of(town.result(town.caller, town.ask(question))) == NOT_FOUND
    assert town.is_quiet()


def test_a_signal_for_what_has_ended_is_not_delivered(town: Far) -> None:
    other = town.running_there()
    town.end(other)

    assert code_of(town.result(town.caller, town.ask(send_signal(other, "go")))) == NOT_FOUND


def test_who_is_not_known_to_have_ended_stays_in_the_crowd(town: Far) -> None:
    other = town.running_there()
    for _ in range(17):
        town.ask(attach(other))
    town.end(town.caller)
    late = town.mint(THERE)
    town.submit(late)
    town.command(late, 0, attach(other))

    assert len(town.store.listeners(other)) == 18
    town.end(other, b"sent")
    town.bring()
    assert isinstance(town.status(town.caller), Ended)
    assert town.is_quiet()
