"""Calls and sends whose callee lies in another partition."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.partition.effect import Deliver, Notify
from perdure_runtime.partition.rows import Channel, Ended, Mode, Queued, Running, Scheduled

from tests.partition.far import HERE, THERE, Far
from tests.partition.room import NOW_MS
from tests.partition.samples import EMAIL, ONE_RUN, WRITER, call, code_of, completion, failure, outcome, send

MODE = Mode(exclusive=True, explicit_cancellation=True, outcome_retention_ms=7, journal_retention_ms=9)


@pytest.fixture
def town() -> Far:
    return Far()


def test_a_call_stands_in_the_outbox_until_it_is_acknowledged(town: Far) -> None:
    step = town.command(town.caller, 0, call(town.alice), mode=WRITER)
    (message,) = step.writes.outbox.values()
    assert message is not None
    assert step.effects == [Deliver(HERE, THERE, 1, message)]
    assert town.store.channels == {(HERE, THERE): Channel(sent=1, acknowledged=0)}

    town.bring()
    assert town.is_quiet()
    assert town.store.channels[HERE, THERE] == Channel(sent=1, acknowledged=1)


def test_a_callee_comes_as_it_was_called(town: Far) -> None:
    town.issue(call(town.alice, b"5", headers={"b": "2", "a": "1"}), mode=MODE)
    town.now_ms += 1_000
    town.bring()

    row = town.row(town.store.line(town.alice.service, town.alice.key)[0])
    assert (row.target, row.mode, row.input, row.headers) == (town.alice, MODE, b"5", (("a", "1"), ("b", "2")))
    assert (row.caller, row.created_at_ms, row.status) == (town.by(0), NOW_MS + 1_000, Running())


@pytest.mark.parametrize("result", [b"5", failure("insufficient funds")])
def test_the_outcome_comes_back_to_the_caller(town: Far, result: bytes | Failure) -> None:
    callee = town.call_alice()
    town.bring()
    town.end(callee, result)

    assert Notify(town.caller, 1, completion(0, NOW_MS, result)) in [
        effect for step in town.bring() for effect in step.effects
    ]
    assert town.is_quiet()


def test_a_call_of_an_object_waits_in_its_line(town: Far) -> None:
    town.submit(town.mint(THERE), town.alice, mode=WRITER)
    callee = town.call_alice()
    town.bring()

    assert town.status(callee) == Queued(0)


def test_calls_of_one_partition_come_in_the_order_in_which_they_were_made(town: Far) -> None:
    callees = [town.call_alice() for _ in range(4)]
    town.bring()

    assert town.store.line(town.alice.service, town.alice.key) == callees


def test_what_has_no_key_runs_in_the_partition_of_its_caller(town: Far) -> None:
    callee = town.call(town.caller, 0)

    assert isinstance(town.status(callee), Running)
    assert town.store.outbox == {}


def test_a_call_joins_what_its_key_names_and_gets_its_outcome_then(town: Far) -> None:
    first = town.running_there(town.k)
    town.ask(call(EMAIL, idempotency_key=town.k))
    assert town.store.listeners(first) == (town.by(0),)

    town.end(first, b"sent")
    town.bring()
    assert town.result(town.caller, 0) == b"sent"


def test_a_call_gets_the_outcome_of_an_ended_one_that_its_key_names(town: Far) -> None:
    town.end(town.running_there(town.k), b"sent")

    assert town.result(town.caller, town.ask(call(EMAIL, idempotency_key=town.k))) == b"sent"


@pytest.mark.parametrize("make", [call, send])
def test_a_run_that_must_be_new_and_is_not_fails(town: Far, make: type) -> None:
    signup = town.workflow(THERE)
    town.run(town.mint(THERE), signup)

    assert code_of(town.result(town.caller, town.ask(make(signup, must_be_new=True), mode=ONE_RUN))) == 6


def test_a_send_completes_once_its_invocation_is_found_by_its_id(town: Far) -> None:
    command = town.issue(send(town.alice), mode=WRITER)
    sent = town.child(town.caller, command, town.alice)
    assert town.result(town.caller, command) is None
    assert sent not in town.store.invocations

    town.bring()
    assert town.result(town.caller, command) == sent.encode()
    assert town.row(sent).caller is None
    town.end(sent, b"5")
    assert town.is_quiet(), "nobody waits for it"


def test_a_send_whose_key_decides_completes_with_what_it_has_become(town: Far) -> None:
    first = town.running_there(town.k)
    command = town.issue(send(EMAIL, idempotency_key=town.k))
    assert town.result(town.caller, command) is None

    town.bring()
    assert town.result(town.caller, command) == first.encode()


def test_a_send_whose_key_is_new_completes_with_its_own_id(town: Far) -> None:
    command = town.ask(send(EMAIL, idempotency_key=town.k))
    sent = town.child(town.caller, command, EMAIL, town.k)

    assert town.result(town.caller, command) == sent.encode()


def test_the_delay_of_a_send_counts_from_when_it_was_sent(town: Far) -> None:
    town.issue(send(town.alice, delay_ms=1_000), mode=WRITER)
    town.now_ms += 400
    town.bring()

    sent = town.child(town.caller, 0, town.alice)
    assert sent not in town.store.invocations, "its id has the time at which it was sent"
    (row,) = [row for row in town.store.invocations.values() if row.target == town.alice]
    assert row.status == Scheduled(NOW_MS + 1_000)


def test_a_send_whose_delay_is_over_when_it_comes_starts_at_once(town: Far) -> None:
    town.issue(send(town.alice, delay_ms=1_000), mode=WRITER)
    town.now_ms += 5_000
    town.bring()

    (row,) = [row for row in town.store.invocations.values() if row.target == town.alice]
    assert row.status == Running()


def test_a_caller_that_has_ended_hears_nothing(town: Far) -> None:
    callee = town.call_alice()
    town.bring()
    town.end(town.caller, b"did not wait")
    town.end(callee, b"5")
    town.bring()

    assert town.status(town.caller) == Ended(outcome(b"did not wait"), NOW_MS, NOW_MS + 86_400_000, NOW_MS + 86_400_000)
    assert town.is_quiet()


def test_partitions_of_one_node_deal_with_each_other_at_once(town: Far) -> None:
    town.move(THERE, HERE)
    callee = town.call_alice()
    assert isinstance(town.status(callee), Running)

    town.end(callee, b"5")
    assert town.result(town.caller, 0) == b"5"
    assert town.store.channels == {}


def test_they_wait_for_what_is_on_its_way_first(town: Far) -> None:
    first = town.call_alice()
    town.move(THERE, HERE)
    second = town.call_alice()
    assert second not in town.store.invocations, "it would come before the first"

    town.bring()
    assert town.store.line(town.alice.service, town.alice.key) == [first, second]
    third = town.call_alice()
    assert town.status(third) == Queued(1), "nothing is on its way any more"
