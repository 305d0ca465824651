"""Callers of JSON that are slow: those that do not go on are cut, the others are waited for."""

import asyncio
import socket

import pytest
from perdure_runtime.ingress import listener
from perdure_runtime.ingress.limits import MIB, Limits

from tests.ingress.http import shop
from tests.ingress.http.invocations import value
from tests.ingress.http.room import HOST, Room, play, request

HEALTH = b"GET /health HTTP/1.1\r\nhost: shop\r\n\r\n"
CALL = request(b"{}")
SHORT = Limits(idle_s=0.05, stalled_s=0.05, greeting_s=0.05)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener looks at its connections all the time."""
    monkeypatch.setattr(listener, "SWEEP_EVERY_S", 0.01)


@pytest.mark.parametrize(
    "said", [b"", b"P", b"GET / HT", HEALTH + b"GET"], ids=["nothing", "P", "half", "one and a half"]
)
def test_a_caller_that_does_not_go_on_before_its_request_is_closed(said: bytes) -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(said)
            if said.startswith(HEALTH):
                assert (await line.hear()).status == 200
            assert await line.ended()

    play(story, SHORT)


def test_a_head_that_drips_is_closed_although_it_goes_on() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(b"GET / HTTP/1.1\r\nx: ")
            ended = asyncio.create_task(line.ended())
            while not ended.done():
                line.say(b"y")
                await asyncio.wait([ended], timeout=0.01)
            assert ended.result()

    play(story, SHORT)


def test_a_body_that_does_not_go_on_is_given_up_with_408() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(CALL[:-1])
            answer = await line.hear()
            assert (answer.status, answer.json["code"]) == (408, "deadline_exceeded")
            assert await line.ended()
        assert room.node.submitted == []

    play(story, SHORT)


def test_a_body_without_end_that_nobody_wants_is_cut() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(b"POST /nothing HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n")
            assert (await line.hear()).status == 404
            ended = asyncio.create_task(line.ended())
            while not ended.done():
                line.say(b"1\r\n \r\n")
                await asyncio.wait([ended], timeout=0.01)
            assert ended.result()

    play(story, SHORT)


def test_a_call_may_run_for_longer_than_any_limit() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line, room.connected() as idle:
            line.say(CALL)
            await room.node.arrived.wait()
            idle.say(HEALTH)
            await idle.hear()
            assert await idle.ended()
            room.node.end("inv_1", value(shop.receipt("late")))
            assert (await line.hear()).json == {"orderId": "late"}

    play(story, SHORT)


def test_an_idle_connection_is_closed() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(HEALTH)
            assert (await line.hear()).status == 200
            assert await line.ended()

    play(story, SHORT)


def test_an_answer_that_is_more_than_the_system_holds_comes_as_it_is_read() -> None:
    async def story(room: Room) -> None:
        name = "x" * (20 * MIB)
        room.node.rule = lambda submission: value(shop.receipt(name))
        async with room.connected() as line:
            line.say(CALL)
            assert (await line.hear()).json == {"orderId": name}
            line.say(HEALTH)
            assert (await line.hear()).status == 200

    play(story)


def test_a_caller_that_does_not_read_its_answer_is_cut() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: value(shop.receipt("x" * (20 * MIB)))
        with socket.create_connection((HOST, room.ingress.port)) as caller:
            caller.sendall(CALL)
            await asyncio.to_thread(caller.recv, 1)
            # This one is cut for the same reason, and came later.
            async with room.connected() as later:
                later.say(CALL[:-1])
                assert (await later.hear()).status == 408
                assert await later.ended()
            got = 0
            while piece := await asyncio.to_thread(caller.recv, MIB):
                got += len(piece)
            assert got < 20 * MIB

    play(story, SHORT)
