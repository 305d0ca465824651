"""What operators ask of a node: pause, cancel, kill, restart and purge."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Entry, RunCommand, SleepCommand
from perdure_protos.perdure.protocol.v1.journal_pb2 import Target as WireTarget
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import DeploymentInUse, UnknownInvocation, WrongStatus
from perdure_runtime.node.administration import Administration
from perdure_runtime.storage.api import DeploymentRow

from tests.node.looking import look
from tests.node.node_room import ORDER, SERVICES, Room, contract_bytes, done, play, settle

RUN = Entry(run=RunCommand(name="charge"))
SLEEP = Entry(sleep=SleepCommand(duration_ms=1_000))
CALL = Entry(call=CallCommand(target=WireTarget(service="shop.v1.Orders", handler="Process")))

Asked = Callable[[Administration, str], Coroutine[None, None, object]]
ALL: list[Asked] = [
    lambda operations, id: operations.resume(id, on_newest=False),
    Administration.pause,
    Administration.cancel,
    Administration.kill,
    lambda operations, id: operations.restart(id, 0),
    Administration.purge,
]


async def _refusal(asked: Coroutine[None, None, object]) -> str:
    with pytest.raises(WrongStatus) as refused:
        await asked
    return str(refused.value)


@pytest.mark.parametrize("ask", ALL)
def test_an_invocation_that_nobody_knows_is_named(ask: Asked) -> None:
    async def story(room: Room) -> None:
        with pytest.raises(UnknownInvocation, match="inv_x"):
            await ask(room.node.administration, "inv_x")

    play(story)


def test_a_paused_invocation_stops_and_goes_on_when_it_is_resumed() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        await room.node.administration.pause(id)
        assert [frame.abort.reason for frame in room.heard(id, "abort")] == ["paused by an operator"]
        await room.node.administration.resume(id, on_newest=False)
        await settle()
        assert [start.attempt for start in room.starts(id)] == [1, 2]

    play(story)


def test_only_what_has_begun_is_paused_and_only_what_is_paused_is_resumed() -> None:
    async def story(room: Room) -> None:
        operations, id = room.node.administration, await room.submit()
        assert (
            await _refusal(operations.resume(id, on_newest=False)) == f"{id} is running; only a paused one is resumed"
        )
        await operations.pause(id)
        assert await _refusal(operations.pause(id)) == f"{id} is paused; only one that has begun is paused"

    play(story)


def test_a_cancelled_handler_is_told_and_ends_as_it_likes() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        await room.node.administration.cancel(id)
        assert [frame.cancellation.at_ms for frame in room.heard(id, "cancellation")] == [room.now_ms]
        await room.ends(id, done(b"undone"))
        assert (await room.node.router.attach(id)).outcome == done(b"undone")
        assert await _refusal(room.node.administration.cancel(id)) == f"{id} has ended; there is nothing to cancel"

    play(story)


def test_a_killed_invocation_ends_with_all_that_it_has_called() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        await room.says(id, CALL)
        await settle()
        callee = next(
            frame.start.invocation_id for frame in room.link.sent if frame.start.invocation_id not in ("", id)
        )
        waiting = asyncio.create_task(room.node.router.attach(callee))
        await settle()
        await room.node.administration.kill(id)
        assert (await waiting).outcome.failure.message == "killed by an operator"
        assert (await room.node.router.attach(id)).outcome.failure.code == 10
        assert room.node.invoker.idle
        assert await _refusal(room.node.administration.kill(id)) == f"{id} has ended; there is nothing to kill"

    play(story)


def test_a_restart_runs_the_handler_again_as_a_new_invocation() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(ORDER)
        await room.ends(id, done())
        new_id = await room.node.administration.restart(id, 0)
        await settle()
        assert new_id != id
        (start,) = room.starts(new_id)
        assert not start.journal

    play(story)


def test_a_restart_keeps_the_journal_before_the_command_that_it_names() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        await room.says(id, RUN)
        step = Entry()
        step.completion.command = 0
        step.completion.value = b"paid"
        await room.says(id, step, SLEEP)
        await room.ends(id, done())
        new_id = await room.node.administration.restart(id, 2)
        await settle()
        (start,) = room.starts(new_id)
        assert [entry.WhichOneof("entry") for entry in start.journal] == ["run", "completion"]
        assert start.journal[1].completion.value == b"paid"

    play(story)


def test_a_restart_that_cannot_be_says_why() -> None:
    async def story(room: Room) -> None:
        operations, id = room.node.administration, await room.submit()
        await room.says(id, SLEEP, RUN)
        step = Entry()
        step.completion.command = 1
        await room.says(id, step)
        assert await _refusal(operations.restart(id, 0)) == (
            f"{id} is running; only an ended one is restarted: kill it first"
        )
        await room.ends(id, done())
        assert await _refusal(operations.restart(id, 3)) == f"the journal of {id} has 3 entries; none has index 3"
        assert await _refusal(operations.restart(id, 2)) == (
            f"entry 2 of {id} is no command: name the command that is to run again"
        )
        assert (await _refusal(operations.restart(id, 1))).startswith(
            f"command 0 of {id} stands before entry 1 and has no result"
        )

    play(story)


def test_a_purged_invocation_is_gone() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        assert await _refusal(room.node.administration.purge(id)) == (
            f"{id} is running; only an ended one is purged: kill it first"
        )
        await room.ends(id, done())
        await room.node.administration.purge(id)
        with pytest.raises(UnknownInvocation):
            look(room.node, id)

    play(story)


def test_a_deployment_that_has_just_begun_something_is_not_removed() -> None:
    async def story(room: Room) -> None:
        room.storage.add_deployment(DeploymentRow("dp_1", "here", SERVICES, contract_bytes(), 1))
        room.node.invoker.add(room.transport, Contracts.described(contract_bytes(), SERVICES), "dp_1")
        room.link = await room.transport.links.get()
        await settle()
        id = await room.submit()
        # The node has heard it, and has not made it durable yet.
        room.link.answer([EndpointFrame(slot=room.slot(id), entry=RUN)])
        with pytest.raises(DeploymentInUse, match=id):
            await room.node.administration.remove("dp_1", force=False)

    play(story)
