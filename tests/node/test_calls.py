"""What callers ask of a node: cancel, signal, resolve awakeables, and find the run of a workflow by its id."""

import asyncio
from dataclasses import replace

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import AwaitSignalCommand, AwakeableCommand, Entry, Failure, Outcome
from perdure_runtime.ingress.port import (
    AlreadyExists,
    AwakeableFacts,
    EndedInvocation,
    HasEnded,
    NotAccepted,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.node.router import Router

from tests.node.node_room import ORDER, SIGNUP, Room, done, play, settle

ADA = WorkflowId("shop.v1.Signup", "ada")
APPROVED = Entry(await_signal=AwaitSignalCommand(name="approved", type="shop.v1.Receipt"))


def _awakeable(invocation_id: str) -> str:
    return f"awk_{invocation_id.removeprefix('inv_')}_0_c0ffee"


async def _waits_for_awakeable(room: Room) -> str:
    """An invocation that is suspended on an awakeable; the id of that."""
    id = await room.submit()
    await room.says(id, Entry(awakeable=AwakeableCommand(id=_awakeable(id), type="shop.v1.Receipt")))
    await room.suspends(id, 0)
    return _awakeable(id)


def test_the_run_of_a_workflow_is_found_by_its_id() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        assert await room.node.router.output(ADA) is None
        waiting = asyncio.create_task(room.node.router.attach(ADA))
        await settle()
        await room.ends(id, done())
        ended = EndedInvocation(id, "shop.v1.Signup", "Run", done())
        assert await waiting == ended
        assert await room.node.router.output(ADA) == ended
        assert await room.node.router.attach(ADA) == ended

    play(story)


@pytest.mark.parametrize(
    "name", ["inv_x", WorkflowId("shop.v1.Signup", "bob"), WorkflowId("shop.v1.Orders", "ada"), WorkflowId("gone", "a")]
)
def test_what_never_ran_is_unknown(name: str | WorkflowId) -> None:
    async def story(room: Room) -> None:
        calls = room.node.router
        for ask in (calls.attach(name), calls.output(name), calls.cancel(name), calls.signal(name, "approved", done())):
            with pytest.raises(UnknownInvocation):
                await ask

    play(story)


def test_a_second_run_of_an_id_is_the_first() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        assert await room.node.router.submit(SIGNUP) == id
        second = asyncio.create_task(room.node.router.call(SIGNUP))
        await settle()
        await room.ends(id, done())
        assert await second == (id, done())
        assert await room.node.router.call(SIGNUP) == (id, done())

    play(story)


def test_a_run_that_must_be_new_is_refused_where_the_id_has_run() -> None:
    async def story(room: Room) -> None:
        new = replace(SIGNUP, must_be_new=True, idempotency_key="k")
        id = await room.node.router.submit(new)
        assert await room.node.router.submit(new) == id, "a retry is no second run"
        for ask in (Router.submit, Router.call):
            with pytest.raises(AlreadyExists) as refused:
                await ask(room.node.router, replace(new, idempotency_key="another"))
            assert refused.value.invocation_id == id

    play(story)


def test_a_cancelled_handler_is_told() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        await room.node.router.cancel(ADA)
        assert len(room.heard(id, "cancellation")) == 1
        await room.node.router.cancel(id)
        assert len(room.heard(id, "cancellation")) == 1

    play(story)


def test_cancelling_what_has_not_started_ends_it() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(replace(ORDER, delay_ms=1_000))
        await room.node.router.cancel(id)
        ended = await room.node.router.output(id)
        assert ended is not None
        assert ended.outcome.failure == Failure(code=1, message="cancelled before it started")

    play(story)


def test_cancelling_what_has_ended_leaves_it_as_it_is() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        await room.ends(id, done())
        await room.node.router.cancel(id)
        ended = await room.node.router.output(id)
        assert ended is not None
        assert ended.outcome == done()

    play(story)


def test_a_signal_reaches_the_handler_that_waits_for_it() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        await room.says(id, APPROVED)
        await room.node.router.signal(ADA, "approved", done(b"by bob"))
        assert [frame.completion.value for frame in room.heard(id, "completion")] == [b"by bob"]

    play(story)


def test_a_signal_to_what_has_ended_is_refused() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        await room.ends(id, done())
        with pytest.raises(HasEnded, match=f"{id} has ended"):
            await room.node.router.signal(id, "approved", done())

    play(story)


def test_an_awakeable_says_whose_it_is_and_what_it_takes() -> None:
    async def story(room: Room) -> None:
        awakeable = await _waits_for_awakeable(room)
        assert await room.node.router.awakeable_type(awakeable) == AwakeableFacts("shop.v1.Orders", "shop.v1.Receipt")

    play(story)


@pytest.mark.parametrize("result", [done(b"paid"), Outcome(failure=Failure(code=10, message="declined"))])
def test_a_completed_awakeable_wakes_its_handler(result: Outcome) -> None:
    async def story(room: Room) -> None:
        awakeable = await _waits_for_awakeable(room)
        await room.node.router.complete_awakeable(awakeable, result)
        await settle()
        start = [frame.start for frame in room.link.sent if frame.WhichOneof("frame") == "start"][-1]
        completion = start.journal[-1].completion
        assert (completion.value, completion.failure) == (result.value, result.failure)
        await room.node.router.complete_awakeable(awakeable, done(b"twice"))

    play(story)


def test_an_awakeable_that_nobody_knows_is_named() -> None:
    async def story(room: Room) -> None:
        known = await _waits_for_awakeable(room)
        for unknown in ("awk_x_0_c0ffee", known.replace("c0ffee", "0ther"), "inv_x"):
            with pytest.raises(UnknownAwakeable, match=unknown):
                await room.node.router.awakeable_type(unknown)
            with pytest.raises(UnknownAwakeable, match=unknown):
                await room.node.router.complete_awakeable(unknown, done())

    play(story)


def test_what_could_not_be_made_durable_is_not_accepted() -> None:
    async def story(room: Room) -> None:
        id = await room.submit()
        room.storage.fail_next_commit("the disk is full")
        with pytest.raises(NotAccepted, match="the disk is full"):
            await room.node.router.cancel(id)

    play(story)
