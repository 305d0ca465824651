"""A caller that speaks HTTP/2 frame by frame: for what the clients of gRPC do not do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

Headers = dict[str, str]


class Peer:
    """One connection. ``heard`` are all events of h2, in their order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        self.heard: list[Event] = []
        self.acknowledges = True

    def open_soon(self, path: str, **more: str) -> int:
        """Begins a call with what is sent next, and returns its stream."""
        stream_id = self.h2.get_next_available_stream_id()
        headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
        headers |= {"te": "trailers", "content-type": "application/grpc"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        self.h2.send_headers(stream_id, list(headers.items()))
        return stream_id

    async def flush(self) -> None:
        """Sends."""
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Sends a piece of a body, all of which must fit the window."""
        self.h2.send_data(stream_id, data, end_stream=end)
        await self.flush()

    async def pour(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Sends a body of any size as the server gives window, until it refuses more."""
        while data and not self.has_ended(stream_id):
            await self.hear(lambda: self.has_ended(stream_id) or self.h2.local_flow_control_window(stream_id) > 0)
            if self.has_ended(stream_id):
                return
            size = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size, len(data))
            await self.send(stream_id, data[:size], end=end and size == len(data))
            data = data[size:]

    async def settle(self) -> None:
        """Waits until the server has acted on all that was sent."""
        self.h2.ping(bytes(8))
        await self.flush()
        known = len(self.heard)
        await self.hear(lambda: any(isinstance(event, PingAckReceived) for event in self.heard[known:]))

    async def call(self, path: str, message: bytes, **more: str) -> int:
        """Begins a call and sends its only message."""
        stream_id = self.open_soon(path, **more)
        await self.send(stream_id, frame(message), end=True)
        return stream_id

    async def hear(self, enough: Callable[[], bool]) -> None:
        """Reads until there is enough. Fails when the server closes before that."""
        while not enough():
            data = await asyncio.wait_for(self.reader.read(65_536), 10)
            assert data, f"the server has closed after {self.heard}"
            self.take(data)
            await self.flush()

    def take(self, data: bytes) -> None:
        """Acts on what was read."""
        for event in self.h2.receive_data(data):
            self.heard.append(event)
            if isinstance(event, DataReceived) and self.acknowledges:
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)

    async def answer(self, stream_id: int) -> Headers:
        """Reads until a stream has ended, and returns all headers and trailers of its answer."""
        await self.hear(lambda: self.has_ended(stream_id))
        return self.headers(stream_id)

    async def hear_goodbye(self) -> None:
        """Reads the server's GOAWAY, and keeps it from h2, which would open no stream after it."""
        heard = b""
        while heard[3:4] != b"\x07":
            heard = await asyncio.wait_for(self.reader.readexactly(9), 10)
            size = int.from_bytes(heard[:3], "big")
            rest = await asyncio.wait_for(self.reader.readexactly(size), 10)
            if heard[3:4] != b"\x07":
                self.take(heard + rest)

    async def closed(self) -> None:
        """Reads until the server closes."""
        try:
            while data := await asyncio.wait_for(self.reader.read(65_536), 10):
                self.take(data)
        except ConnectionResetError:
            pass

    def has_ended(self, stream_id: int) -> bool:
        """Whether nothing more comes on a stream."""
        ends = (StreamEnded, StreamReset)
        return any(isinstance(event, ends) and event.stream_id == stream_id for event in self.heard)

    def headers(self, stream_id: int) -> Headers:
        """Headers and trailers of an answer."""
        blocks = (ResponseReceived, TrailersReceived)
        found = [event for event in self.heard if isinstance(event, blocks) and event.stream_id == stream_id]
        return {str(name): str(value) for event in found for name, value in event.headers or ()}

    def body(self, stream_id: int) -> bytes:
        """What has come of a body."""
        found = [event for event in self.heard if isinstance(event, DataReceived) and event.stream_id == stream_id]
        return b"".join(event.data or b"" for event in found)

    def goodbye(self) -> ConnectionTerminated | None:
        """The server's GOAWAY."""
        return next((event for event in self.heard if isinstance(event, ConnectionTerminated)), None)


def frame(message: bytes, *, compressed: bool = False) -> bytes:
    """A message as gRPC writes it."""
    return bytes((compressed,)) + len(message).to_bytes(4, "big") + message


@asynccontextmanager
async def peer(port: int, *, window: int | None = None, limit: int = 2**16) -> AsyncIterator[Peer]:
    """Connects. ``window`` is what the server may send on a stream unasked; ``limit`` what is read ahead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    connected = Peer(reader, writer)
    connected.h2.initiate_connection()
    if window is not None:
        connected.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
    await connected.flush()
    try:
        yield connected
    finally:
        writer.transport.abort()
