"""Results that are held for a cancelled caller do not keep others from being forgotten."""

import asyncio

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Entry, Target
from perdure_runtime.node import retention
from perdure_runtime.node.retention import sweep

from tests.node.node_room import Room, done, play, settle

A_DAY_MS = 86_400_000


def test_what_is_held_fills_no_page_of_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAGE", 2)
    call = Entry(call=CallCommand(target=Target(service="shop.v1.Orders", handler="Process")))

    async def story(room: Room) -> None:
        caller = await room.submit()
        await room.says(caller, call, call, call)
        *held, hanging = room.others(caller)
        await room.node.calls.cancel(caller)
        for id in held:
            await room.ends(id, done())
        room.now_ms += 1
        other = await room.submit()
        await room.ends(other, done())
        room.now_ms += A_DAY_MS
        task = asyncio.create_task(sweep(room.storage, room.node.loop.offer, room.node.loop.flush, lambda: room.now_ms))
        while other in room.storage.rows.invocations:
            await settle()
        task.cancel()
        assert {caller, hanging, *held} == room.storage.rows.invocations.keys()

    play(story)
