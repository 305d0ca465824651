"""The port that both kinds of callers share: who gets in, who is cut, how it closes."""

import asyncio
import socket

import grpc.aio
import pytest
from perdure_runtime.ingress import listener
from perdure_runtime.ingress.greeting import PREFACE
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.server import Ingress

from tests.ingress.http import shop
from tests.ingress.http.invocations import MemoryInvocations, value
from tests.ingress.http.room import HOST, Room, play, request

CALL = request(b"{}")
HEALTH = b"GET /health HTTP/1.1\r\nhost: shop\r\n\r\n"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener looks at its connections all the time."""
    monkeypatch.setattr(listener, "SWEEP_EVERY_S", 0.01)
    monkeypatch.setattr(listener, "LAST_WORDS_S", 0.1)


async def call_grpc(room: Room) -> bytes:
    """Calls Process over gRPC."""
    async with grpc.aio.insecure_channel(f"{HOST}:{room.ingress.port}") as channel:
        answer: bytes = await channel.unary_unary(shop.PROCESS, bytes, bytes)(b"", timeout=20)
        return answer


def test_one_port_answers_grpc_and_json() -> None:
    async def story(room: Room) -> None:
        over_grpc, over_json = await asyncio.gather(call_grpc(room), room.post(shop.PROCESS, {}))
        assert over_grpc.startswith(b"\x0a")
        assert over_json.status == 200

    play(story)


def test_the_first_bytes_may_come_one_by_one() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            for byte in HEALTH:
                line.say(bytes([byte]))
                await line.writer.drain()
                await asyncio.sleep(0)
            assert (await line.hear()).status == 200
        async with room.connected() as line:
            for byte in PREFACE:
                line.say(bytes([byte]))
                await line.writer.drain()
                await asyncio.sleep(0)
            # Our settings: a frame of type 4 on stream 0.
            assert (await line.reader.readexactly(9))[3:] == b"\x04\x00\x00\x00\x00\x00"

    play(story)


def test_a_port_that_is_taken_is_an_error_of_start() -> None:
    async def story(room: Room) -> None:
        with pytest.raises(OSError, match="address already in use"):
            await Ingress(MemoryInvocations(shop.contracts()), HOST, room.ingress.port).start()

    play(story)


@pytest.mark.parametrize("said", [b"", b"PRI * HT", b"PO"])
def test_a_peer_that_does_not_say_what_it_speaks_is_closed(said: bytes) -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(said)
            assert await line.ended()

    play(story, Limits(greeting_s=0.05, stalled_s=0.05))


def test_closing_lets_nobody_in_and_waits_for_what_runs() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line, room.connected() as idle, room.connected() as silent:
            idle.say(HEALTH)
            await idle.hear()
            line.say(CALL)
            over_grpc = asyncio.create_task(call_grpc(room))
            while len(room.node.submitted) < 2:
                room.node.arrived.clear()
                await room.node.arrived.wait()
            port = room.ingress.port
            closing = asyncio.create_task(room.ingress.close(60))

            assert await idle.ended()
            assert await silent.ended()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, port)
            assert not closing.done()

            for number in (1, 2):
                room.node.end(f"inv_{number}", value(shop.receipt("o-1")))
            answer = await line.hear()
            assert (answer.json, answer.headers["connection"]) == ({"orderId": "o-1"}, "close")
            assert await over_grpc == shop.receipt("o-1").SerializeToString()
            await closing

    play(story)


def test_what_still_runs_when_the_grace_is_over_is_unavailable() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line:
            line.say(CALL + CALL)
            await room.node.arrived.wait()
            await room.ingress.close(0)
            answer = await line.hear()
            assert (answer.status, answer.json["code"], answer.headers["connection"]) == (503, "unavailable", "close")
            assert await line.ended()
        assert await room.node.abandoned.get() == "inv_1"
        assert len(room.node.submitted) == 1

    play(story)


def test_closing_does_not_wait_for_a_caller_that_does_not_read() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: value(shop.receipt("x" * 20_000_000))
        with socket.create_connection((HOST, room.ingress.port)) as caller:
            caller.sendall(CALL)
            await room.node.arrived.wait()
            await room.ingress.close(0)

    play(story)


def test_closing_twice_is_closing_once() -> None:
    async def story(room: Room) -> None:
        await asyncio.gather(room.ingress.close(0), room.ingress.close(0))

    play(story)
