"""A node knows what a signal must be while somebody waits for it."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import AwaitSignalCommand, Entry
from perdure_runtime.ingress.port import AwakeableFacts, UnknownInvocation, WorkflowId

from tests.node.node_room import SIGNUP, Room, done, play


def _wait(type: str, name: str = "approved") -> Entry:
    return Entry(await_signal=AwaitSignalCommand(name=name, type=type))


def test_it_is_what_the_oldest_wait_for_the_signal_takes() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        await room.says(id, _wait("shop.v1.Receipt"), _wait("shop.v1.Order"), _wait("shop.v1.Person", "other"))
        calls = room.node.router
        assert await calls.signal_type(id, "approved") == AwakeableFacts("shop.v1.Signup", "shop.v1.Receipt")
        await calls.signal(id, "approved", done())
        of_workflow = WorkflowId("shop.v1.Signup", "ada")
        assert await calls.signal_type(of_workflow, "approved") == AwakeableFacts("shop.v1.Signup", "shop.v1.Order")
        await calls.signal(id, "approved", done())
        assert await calls.signal_type(id, "approved") is None

    play(story)


def test_it_is_open_while_nobody_waits() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        assert await room.node.router.signal_type(id, "approved") is None
        await room.says(id, _wait("shop.v1.Receipt"))
        await room.ends(id, done())
        assert await room.node.router.signal_type(id, "approved") is None, "it has ended"

    play(story)


def test_of_an_invocation_that_nobody_knows_it_is_unknown() -> None:
    async def story(room: Room) -> None:
        with pytest.raises(UnknownInvocation):
            await room.node.router.signal_type("inv_x", "approved")

    play(story)
