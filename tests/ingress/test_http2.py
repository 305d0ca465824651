"""HTTP/2 as the clients of gRPC do not write it, but others may."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, PingAckReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.settings import SettingCodes
from perdure_runtime.ingress.limits import Limits

from tests.ingress.desk_room import PROCESS, Room, given, hold, meet, order, receipt

E = TypeVar("E", ResponseReceived, TrailersReceived, DataReceived, StreamEnded, StreamReset)

HEADERS = {
    ":method": "POST",
    ":scheme": "http",
    ":path": PROCESS,
    ":authority": "shop",
    "content-type": "application/grpc",
}
SENT = order("o-1", "tea").SerializeToString()
FRAME = b"\x00" + len(SENT).to_bytes(4, "big") + SENT


class Peer:
    """One connection, frame by frame; ``heard`` is all that came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        self.heard: list[Event] = []
        self._reader = reader
        self._writer = writer

    def begin(self, headers: dict[str, str] = HEADERS, *, end: bool = False) -> int:
        """Opens a stream."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, list(headers.items()), end_stream=end)
        return stream_id

    async def hear(self, enough: Callable[[], bool]) -> None:
        """Writes what is due, and reads until there is enough."""
        self._writer.write(self.h2.data_to_send())
        while not enough():
            data = await self._reader.read(65_536)
            assert data, f"closed after {self.heard}"
            for event in self.h2.receive_data(data):
                self.heard.append(event)
                if isinstance(event, DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            self._writer.write(self.h2.data_to_send())

    async def answer(self, stream_id: int) -> dict[str, str]:
        """The headers and trailers of an answer, when it has ended."""
        await self.hear(lambda: bool(self.of(stream_id, StreamEnded) or self.of(stream_id, StreamReset)))
        blocks: list[ResponseReceived | TrailersReceived] = [
            *self.of(stream_id, ResponseReceived),
            *self.of(stream_id, TrailersReceived),
        ]
        return {str(name): str(value) for block in blocks for name, value in block.headers or ()}

    def of(self, stream_id: int, kind: type[E]) -> list[E]:
        """The events of a stream."""
        return [event for event in self.heard if isinstance(event, kind) and event.stream_id == stream_id]


@asynccontextmanager
async def connected(room: Room) -> AsyncIterator[Peer]:
    """A connection that has greeted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", room.port)
    peer = Peer(reader, writer)
    peer.h2.initiate_connection()
    try:
        yield peer
    finally:
        writer.transport.abort()


def test_a_call_may_be_padded_and_end_with_trailers() -> None:
    async def story(room: Room) -> None:
        async with connected(room) as peer:
            stream = peer.begin()
            for byte in FRAME:
                peer.h2.send_data(stream, bytes([byte]), pad_length=100)
            peer.h2.send_headers(stream, [("x-checksum", "1")], end_stream=True)
            assert (await peer.answer(stream))["grpc-status"] == "0"
            assert room.invocations.submissions[0].input == SENT

    meet(story)


def test_padding_takes_no_window_for_good() -> None:
    async def story(room: Room) -> None:
        async with connected(room) as peer:
            await peer.hear(lambda: bool(peer.heard))
            window = peer.h2.outbound_flow_control_window
            for _ in range(window * 5 // 4 // (255 * 200)):
                stream = peer.begin()
                for byte in FRAME[:-1]:
                    peer.h2.send_data(stream, bytes([byte]), pad_length=255)
                for _ in range(200):
                    peer.h2.send_data(stream, b"", pad_length=255)
                peer.h2.send_data(stream, FRAME[-1:], end_stream=True)
                assert (await peer.answer(stream))["grpc-status"] == "0"

    meet(story)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({":method": "GET"}, {":status": "405", "allow": "POST"}),
        ({"content-type": "application/json"}, {":status": "415", "grpc-status": "2"}),
        ({"content-type": "application/grpc+json"}, {":status": "415"}),
        ({":path": ""}, {":status": "200", "grpc-status": "12"}),
        ({":path": "*"}, {":status": "200", "grpc-status": "12"}),
        ({"grpc-timeout": "soon"}, {":status": "200", "grpc-status": "3"}),
        ({"grpc-encoding": "snappy"}, {":status": "200", "grpc-status": "12", "grpc-accept-encoding": "identity,gzip"}),
        ({"perdure-mode": "cast"}, {":status": "200", "grpc-status": "3"}),
        ({"idempotency-key": ""}, {":status": "200", "grpc-status": "3"}),
    ],
    ids=str,
)
def test_a_request_that_is_no_call_is_answered_and_the_connection_goes_on(
    headers: dict[str, str], status: dict[str, str]
) -> None:
    async def story(room: Room) -> None:
        async with connected(room) as peer:
            for end in (True, False):
                stream = peer.begin(HEADERS | headers, end=end)
                if not end:
                    peer.h2.send_data(stream, FRAME, end_stream=True)
                # A call that carries no message is refused for that, unless its headers condemn it before.
                answer = await peer.answer(stream)
                assert end or status.items() <= answer.items()
            good = peer.begin()
            peer.h2.send_data(good, FRAME, end_stream=True)
            assert (await peer.answer(good))["grpc-status"] == "0"

    meet(story)


@pytest.mark.parametrize("body", [b"", FRAME[:3], FRAME[:-1], FRAME * 2, b"\x01" + FRAME[1:], b"\x07" + FRAME[1:]])
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    async def story(room: Room) -> None:
        async with connected(room) as peer:
            stream = peer.begin()
            peer.h2.send_data(stream, body, end_stream=True)
            assert (await peer.answer(stream))["grpc-status"] in ("3", "13")
            assert room.invocations.submissions == []

    meet(story)


def test_a_peer_that_takes_an_answer_byte_by_byte_gets_all_of_it() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room) as peer:
            peer.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
            stream = peer.begin()
            peer.h2.send_data(stream, FRAME, end_stream=True)
            await peer.hear(lambda: True)
            await room.invocations.until_waiting(1)
            await room.invocations.end("inv_1", given(receipt("r" * 20)))
            await peer.hear(lambda: bool(peer.of(stream, ResponseReceived)))
            while not peer.of(stream, StreamEnded):
                before = len(peer.heard)
                peer.h2.increment_flow_control_window(1, stream)
                await peer.hear(lambda before=before: len(peer.heard) > before)  # type: ignore[misc]
            body = b"".join(event.data or b"" for event in peer.of(stream, DataReceived))
            assert body[5:] == receipt("r" * 20).SerializeToString()

    meet(story)


def test_a_ping_is_answered_while_calls_run() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room) as peer:
            stream = peer.begin()
            peer.h2.send_data(stream, FRAME, end_stream=True)
            peer.h2.ping(b"are you?")
            await peer.hear(lambda: any(isinstance(event, PingAckReceived) for event in peer.heard))

    meet(story)


def test_many_calls_that_are_reset_at_once_leave_nothing_behind() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room) as peer:
            await peer.hear(lambda: bool(peer.heard))
            for round_ in range(30):
                for _ in range(100):
                    stream = peer.begin()
                    peer.h2.send_data(stream, FRAME, end_stream=round_ % 2 == 0)
                    peer.h2.reset_stream(stream)
                await peer.hear(lambda: True)
            room.invocations.handle = lambda submission: given(receipt("r"))
            good = peer.begin()
            peer.h2.send_data(good, FRAME, end_stream=True)
            assert (await peer.answer(good))["grpc-status"] == "0"
            await room.invocations.until_waiting(0)
        assert room.ingress._buffered._bytes == 0

    meet(story, Limits(concurrent_streams=200))
