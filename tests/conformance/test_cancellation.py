"""Cancellation: raised once where the handler waits, leaves of the call tree first; then it may undo what it did."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import perdure
import pytest
from conformance.v1 import (
    Branch,
    CancellableClient,
    DiaryClient,
    Key,
    KeyText,
    LockClient,
    PatientClient,
    Text,
    TreeClient,
    WayToWait,
)

from tests.conformance.grpc_caller import GrpcCaller, by_id
from tests.conformance.json_caller import JsonCaller
from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature
CANCELLED = perdure.StatusCode.CANCELLED
DAY = timedelta(days=1)


def waiting(
    client: perdure.SyncClient, stage: Stage, scene: str, way: str = "sleep"
) -> perdure.BlockingInvocationHandle[Text]:
    """A handler that waits in some way until it is cancelled."""
    handle = CancellableClient(client).wait.send(WayToWait(scene=scene, way=way))
    stage.wait_for_line(scene, "begin")
    stage.answer(scene, "undo?", "undone")
    return handle


def grown(client: perdure.SyncClient, stage: Stage, scene: str, height: int) -> perdure.BlockingInvocationHandle[Text]:
    """A tree whose leaf waits."""
    handle = TreeClient(client).grow.send(Branch(scene=scene, height=height))
    stage.wait_for(scene, height + 1)
    return handle


@feature("cancellation raises in the handler where it waits")
@pytest.mark.parametrize(
    "way", ["sleep", "awakeable", "signal", "call", "attach", "interruptible step", "gather", "asyncio"]
)
def test_a_handler_is_cancelled_wherever_it_waits_and_everything_durable_works_afterwards(
    client: perdure.SyncClient, stage: Stage, scene: str, way: str
) -> None:
    handle = waiting(client, stage, scene, way)

    handle.cancel()

    assert handle.attach().text == "CANCELLED undone"


@feature("a step that runs is let end before the handler is cancelled")
def test_a_step_that_runs_ends_before_what_it_did_is_undone(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    handle = waiting(client, stage, scene, "step")
    stage.wait_for_line(scene, "to the end")

    handle.cancel()
    assert handle.output() is None
    stage.answer(scene, "to the end", "done")

    assert handle.attach().text == "CANCELLED undone"
    assert stage.lines(scene) == ["begin", "to the end", "undo?"]


@feature("cancellation raises in the handler where it waits")
def test_a_handler_that_is_suspended_is_woken_to_be_cancelled(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    handle = PatientClient(client).wait.send(Text(text=scene))
    operator.wait_for_status(handle.invocation_id, "suspended")

    handle.cancel()

    with pytest.raises(perdure.TerminalError) as raised:
        handle.attach()
    assert raised.value.code is CANCELLED
    assert stage.lines(scene) == ["attempt 1", "attempt 2"]


@feature("cancellation raises in the handler where it waits")
@pytest.mark.parametrize("way", ["sleep", "interruptible step"])
def test_handlers_that_begin_to_wait_when_they_are_cancelled_hear_of_it(
    client: perdure.SyncClient, stage: Stage, scene: str, way: str
) -> None:
    def cancelled(number: int) -> str:
        handle = waiting(client, stage, f"{scene}-{number}", way)
        handle.cancel()
        return handle.attach().text

    with ThreadPoolExecutor(max_workers=16) as callers:
        assert set(callers.map(cancelled, range(100))) == {"CANCELLED undone"}


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_grpc_cancels(client: perdure.SyncClient, grpc_caller: GrpcCaller, stage: Stage, scene: str) -> None:
    handle = waiting(client, stage, scene)

    grpc_caller.cancel(by_id(handle.invocation_id))

    assert handle.attach().text == "CANCELLED undone"


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_http_cancels(client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str) -> None:
    handle = waiting(client, stage, scene)

    assert caller.post(f"/invocations/{handle.invocation_id}/cancel").status == 202

    assert handle.attach().text == "CANCELLED undone"


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_an_operator_cancels(client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str) -> None:
    handle = waiting(client, stage, scene)

    operator.cancel(handle.invocation_id)

    assert handle.attach().text == "CANCELLED undone"


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_the_command_of_operators_cancels(client: perdure.SyncClient, town: Town, stage: Stage, scene: str) -> None:
    handle = waiting(client, stage, scene)

    ran = town.command("invocations", "cancel", handle.invocation_id)

    assert ran.returncode == 0, ran.stderr
    assert handle.attach().text == "CANCELLED undone"


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_a_handler_cancels_by_id(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    handle = waiting(client, stage, scene)

    CancellableClient(client).cancel(Text(text=handle.invocation_id))

    assert handle.attach().text == "CANCELLED undone"


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_cancelling_what_is_not_there_says_so(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError) as refused:
        client.handle("inv_00000000000000000000000000", Text).cancel()

    assert refused.value.code is perdure.StatusCode.NOT_FOUND


@feature("cancellation by handle, gRPC, HTTP, admin and command")
def test_cancelling_what_has_ended_changes_nothing(client: perdure.SyncClient, scene: str) -> None:
    handle = DiaryClient(client, scene).append.send(KeyText(text="written"))
    written = handle.attach()

    handle.cancel()

    assert handle.attach() == written


@feature("invocation handles in handlers: cancel")
def test_a_handler_cancels_what_it_has_sent(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    cancelling = CancellableClient(client).cancel_what_it_sent.send(Text(text=scene))
    stage.wait_for_line(scene, "book")
    stage.answer(scene, "sent", "cancel it")

    assert cancelling.attach().code == CANCELLED.value
    assert "unbook" in stage.lines(scene)


@feature("invocation handles in handlers: cancel")
def test_a_handler_cancels_what_it_has_called(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    cancelling = CancellableClient(client).cancel_what_it_called.send(Text(text=scene))
    stage.wait_for_line(scene, "book")
    stage.answer(scene, "called", "cancel it")

    assert cancelling.attach().code == CANCELLED.value
    assert "unbook" in stage.lines(scene)


@feature("cancellation travels down the call tree, leaves first")
def test_a_tree_is_cancelled_from_its_leaf_up(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    tree = grown(client, stage, scene, height=3)

    tree.cancel()

    with pytest.raises(perdure.TerminalError) as raised:
        tree.attach()
    assert raised.value.code is CANCELLED
    fallen = [line.split() for line in stage.lines(scene)[4:]]
    assert [height for height, _, _ in fallen] == ["0", "1", "2", "3"]
    assert fallen[0] == ["0", "CancelledInvocation", "CANCELLED"]


@feature("compensations run after a cancellation")
def test_what_was_done_is_undone_when_the_handler_is_cancelled(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    handle = CancellableClient(client).compensate.send(Text(text=scene))
    stage.wait_for_line(scene, "book")

    handle.cancel()

    with pytest.raises(perdure.TerminalError) as raised:
        handle.attach()
    assert raised.value.code is CANCELLED
    assert stage.lines(scene) == ["book", "unbook"]


@feature("cancellation: shield")
def test_a_shield_holds_a_cancellation_back(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    handle = CancellableClient(client).shielded.send(Text(text=scene))
    stage.wait_for_line(scene, "in the shield")

    handle.cancel()
    assert handle.output() is None
    stage.answer(scene, "in the shield", "go on")

    assert handle.attach().text == "cancelled after the shield"
    assert stage.lines(scene) == ["in the shield", "still there"]


@feature("cancellation: explicit handling")
def test_a_handler_that_looks_after_its_cancellation_sees_it_and_nothing_below_does(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    tree = TreeClient(client).grow_explicit.send(Branch(scene=scene, height=1))
    (line,) = stage.wait_for(scene)
    leaf = client.handle(line.split()[1], Text)

    tree.cancel()
    stage.wait_for_line(scene, "explicit cancelled")
    leaf.signal("go", Text(text="grown all the same"))

    assert tree.attach().text == "grown all the same"


@feature("cancellation before the start")
def test_an_invocation_that_waits_for_its_key_ends_at_once(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    holding = LockClient(client, scene).hold.send(Key())
    stage.wait_for_line(scene, "hold")
    queued = LockClient(client, scene).hold.send(Key())

    queued.cancel()

    with pytest.raises(perdure.TerminalError) as raised:
        queued.attach()
    assert raised.value.code is CANCELLED
    assert holding.output() is None
    stage.answer(scene, "hold", "held")
    assert holding.attach().text == "held"
    assert stage.lines(scene) == ["hold"]


@feature("cancellation before the start")
def test_the_next_in_line_starts_when_the_one_before_it_was_cancelled(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    diary = DiaryClient(client, scene)
    holding = diary.append_when_answered.send(KeyText(text="first"))
    stage.wait_for_line(scene, "first")
    second = diary.append.send(KeyText(text="second"))
    third = diary.append.send(KeyText(text="third"))

    second.cancel()
    stage.answer(scene, "first", "")

    assert third.attach().texts == ["first", "third"]
    assert holding.attach().texts == ["first"]


@feature("cancellation before the start")
def test_a_delayed_invocation_ends_at_once(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    delayed = CancellableClient(client).compensate.send(Text(text=scene), delay=DAY)

    delayed.cancel()

    with pytest.raises(perdure.TerminalError) as raised:
        delayed.attach()
    assert raised.value.code is CANCELLED
    assert stage.lines(scene) == []


@feature("kill ends an invocation and what it has called, at once")
def test_a_tree_is_killed_without_its_handlers(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    tree = grown(client, stage, scene, height=2)
    branches = [client.handle(line.split()[1], Text) for line in stage.lines(scene)]

    operator.kill(tree.invocation_id)

    for branch in branches:
        with pytest.raises(perdure.TerminalError) as raised:
            branch.attach()
        assert raised.value.code is perdure.StatusCode.ABORTED
    assert len(stage.lines(scene)) == 3, "nobody was told that it falls"


@feature("kill ends an invocation and what it has called, at once")
def test_the_command_of_operators_kills_and_nothing_is_undone(
    client: perdure.SyncClient, town: Town, stage: Stage, scene: str
) -> None:
    handle = CancellableClient(client).compensate.send(Text(text=scene))
    stage.wait_for_line(scene, "book")

    ran = town.command("invocations", "kill", handle.invocation_id)

    assert ran.returncode == 0, ran.stderr
    with pytest.raises(perdure.TerminalError) as raised:
        handle.attach()
    assert raised.value.code is perdure.StatusCode.ABORTED
    assert stage.lines(scene) == ["book"]


@feature("kill ends an invocation and what it has called, at once")
def test_what_is_paused_can_be_killed(client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str) -> None:
    handle = CancellableClient(client).compensate.send(Text(text=scene))
    stage.wait_for_line(scene, "book")
    operator.pause(handle.invocation_id)
    operator.wait_for_status(handle.invocation_id, "paused")

    operator.kill(handle.invocation_id)

    with pytest.raises(perdure.TerminalError) as raised:
        handle.attach()
    assert raised.value.code is perdure.StatusCode.ABORTED


@feature("kill ends an invocation and what it has called, at once")
def test_a_key_is_free_when_its_writer_is_killed(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    with ThreadPoolExecutor() as callers:
        holding = LockClient(client, scene).hold.send(Key())
        stage.wait_for_line(scene, "hold")
        next_one = callers.submit(LockClient(client, scene).hold, Key())

        operator.kill(holding.invocation_id)
        stage.wait_for_line(scene, "hold", times=2)
        stage.answer(scene, "hold", "free")

        assert next_one.result().text == "free"
