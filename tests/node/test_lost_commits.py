"""Who attached to what was not durable yet hears that it is lost; who waits for what is durable goes on waiting."""

import asyncio
from collections.abc import Collection

import pytest
from perdure_runtime.ingress.port import EndedInvocation, NotAccepted, WorkflowId
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import StorageFailure

from tests.node.loop_room import Gate
from tests.node.node_room import SIGNUP, Room, done, play, settle

ADA = WorkflowId("shop.v1.Signup", "ada")


def _gated(room: Room) -> Gate:
    """From now on commits wait for the test."""
    gate = Gate(room.storage)
    room.node.loop._committer = gate
    return gate


async def _lose(room: Room, gate: Gate) -> None:
    """The commit that is on its way fails."""
    room.storage.fail_next_commit("the disk is full")
    gate.open()
    await settle()


def test_who_attached_to_a_run_that_is_lost_hears_it_as_its_caller_does() -> None:
    async def story(room: Room) -> None:
        gate = _gated(room)
        accepted = asyncio.create_task(room.node.router.submit(SIGNUP))
        await settle()
        attached = [asyncio.create_task(room.node.router.attach(ADA)) for _ in range(2)]
        await settle()
        await _lose(room, gate)
        for task in (accepted, *attached):
            with pytest.raises(NotAccepted, match="the disk is full"):
                await task

    play(story)


def test_who_waits_for_a_durable_run_gets_its_end_though_a_later_commit_is_lost() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        attached = asyncio.create_task(room.node.router.attach(id))
        gate = _gated(room)
        cancelled = asyncio.create_task(room.node.router.cancel(id))
        await settle()
        await _lose(room, gate)
        with pytest.raises(NotAccepted):
            await cancelled
        while len(room.starts(id)) < 2:
            gate.open()
            await asyncio.sleep(0.01)
        gate.open()
        await room.ends(id, done())
        assert await attached == EndedInvocation(id, "shop.v1.Signup", "Run", done())

    play(story)


def test_who_waits_for_a_durable_run_gets_its_end_though_storage_cannot_be_read_for_a_while() -> None:
    async def story(room: Room) -> None:
        id = await room.submit(SIGNUP)
        attached = asyncio.create_task(room.node.router.attach(id))
        gate = _gated(room)
        cancelled = asyncio.create_task(room.node.router.cancel(id))
        await settle()

        def broken(partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
            raise StorageFailure("no such disk")

        active, room.storage.active = room.storage.active, broken  # type: ignore[method-assign]  # the disk is gone
        await _lose(room, gate)
        with pytest.raises(NotAccepted, match="the disk is full"):
            await cancelled
        room.storage.active = active  # type: ignore[method-assign]  # it is back
        while len(room.starts(id)) < 2:
            gate.open()
            await asyncio.sleep(0.01)
        gate.open()
        await room.ends(id, done())
        assert (await attached).outcome == done()

    play(story)
