"""The node's side of a session with something that misbehaves: it always ends with a reason, never in silence."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

import pytest
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server, Stream
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    DiscoverResponse,
    EndpointFrame,
    EndpointFrames,
    NodeFrame,
    NodeFrames,
    Start,
)
from perdure_runtime.invoker import remote
from perdure_runtime.invoker.remote import MESSAGE_BYTES, MIB, SERVICE, RemoteTransport, discover, split_address
from perdure_runtime.invoker.transport import EndpointUnreachable

Handle = Callable[[Stream[bytes, bytes]], Awaitable[None]]


class Bytes(CodecBase):
    """Messages as they are."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: object) -> bytes:
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:
        return data


class FakeEndpoint:
    """Answers as the test says."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __mapping__(self) -> Mapping[str, Handler]:
        return {
            f"{SERVICE}/Session": Handler(self._handle, Cardinality.STREAM_STREAM, bytes, bytes),
            f"{SERVICE}/Discover": Handler(self._handle, Cardinality.UNARY_UNARY, bytes, bytes),
        }


def meet(handle: Handle, story: Callable[[str], Coroutine[None, None, None]]) -> None:
    """Runs a story with the address of an endpoint that does this."""

    async def run() -> None:
        server = Server([FakeEndpoint(handle)], codec=Bytes())
        await server.start("127.0.0.1", 0)
        assert isinstance(server._server, asyncio.Server)
        port = server._server.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(30):
                await story(f"127.0.0.1:{port}")
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(run())


def ignore(frames: Sequence[EndpointFrame]) -> None:
    """A node that does not care."""


def test_frames_that_cannot_be_read_break_the_session_with_a_reason() -> None:
    async def garbage(stream: Stream[bytes, bytes]) -> None:
        await stream.send_message(b"\xff\xff\xff")
        await stream.recv_message()

    async def story(address: str) -> None:
        link = await RemoteTransport(address).open(ignore)
        assert "Error parsing message" in await link.closed()
        await link.close()

    meet(garbage, story)


def test_an_error_of_the_node_over_a_frame_breaks_the_session_with_a_reason() -> None:
    async def one_frame(stream: Stream[bytes, bytes]) -> None:
        await stream.send_message(EndpointFrames(frames=[EndpointFrame(slot=1)]).SerializeToString())
        await stream.recv_message()

    def broken(frames: Sequence[EndpointFrame]) -> None:
        raise KeyError("no such slot")

    async def story(address: str) -> None:
        link = await RemoteTransport(address).open(broken)
        assert await link.closed() == "'no such slot'"
        await link.close()

    meet(one_frame, story)


def test_an_endpoint_that_ends_the_session_is_said_so() -> None:
    async def goodbye(stream: Stream[bytes, bytes]) -> None:
        await stream.send_initial_metadata()

    async def story(address: str) -> None:
        link = await RemoteTransport(address).open(ignore)
        assert await link.closed() == "the endpoint ended the session"
        await link.close()

    meet(goodbye, story)


def test_frames_go_in_messages_of_bounded_size_in_order() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(stream: Stream[bytes, bytes]) -> None:
        await stream.send_initial_metadata()
        async for message in stream:
            got.put_nowait(message)

    async def story(address: str) -> None:
        link = await RemoteTransport(address).open(ignore)
        sizes = [10, MIB, MESSAGE_BYTES - MIB, MESSAGE_BYTES * 2, 5, 7]
        for slot, size in enumerate(sizes):
            link.send(NodeFrame(slot=slot, start=Start(input=b"x" * size)))
        messages = [NodeFrames.FromString(await got.get()) for _ in range(4)]
        assert [len(message.frames) for message in messages] == [2, 1, 1, 2]
        assert [frame.slot for message in messages for frame in message.frames] == list(range(6))
        await link.close()

    meet(listen, story)


def test_an_endpoint_that_never_answers_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "CONNECT_TIMEOUT_S", 0.05)

    async def mute(stream: Stream[bytes, bytes]) -> None:
        await asyncio.Event().wait()

    async def story(address: str) -> None:
        with pytest.raises(EndpointUnreachable, match=r"no answer within 0\.05 s"):
            await RemoteTransport(address).open(ignore)
        with pytest.raises(EndpointUnreachable, match=r"no answer within 0\.05 s"):
            await discover(address)

    meet(mute, story)


def test_what_speaks_no_http2_is_unreachable() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-nothing for you\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(EndpointUnreachable):
                await RemoteTransport(address).open(ignore)
            with pytest.raises(EndpointUnreachable, match="no perdure endpoint answers"):
                await discover(address)

    asyncio.run(run())


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        async def run() -> None:
            with pytest.raises(EndpointUnreachable):
                await RemoteTransport(address).open(ignore)

        asyncio.run(run())


def test_an_endpoint_of_another_version_is_refused_with_a_sentence() -> None:
    async def newer(stream: Stream[bytes, bytes]) -> None:
        await stream.recv_message()
        answer = DiscoverResponse(protocol_version=7, sdk_version="9.1")
        await stream.send_message(answer.SerializeToString())

    async def story(address: str) -> None:
        with pytest.raises(EndpointUnreachable, match=r"\(perdure 9\.1\) speaks version 7.*update the older"):
            await discover(address)

    meet(newer, story)


def test_discovery_that_cannot_be_read_is_refused() -> None:
    async def garbage(stream: Stream[bytes, bytes]) -> None:
        await stream.recv_message()
        await stream.send_message(b"\xff\xff\xff")

    async def story(address: str) -> None:
        with pytest.raises(EndpointUnreachable, match="Error parsing message"):
            await discover(address)

    meet(garbage, story)


@pytest.mark.parametrize("address", ["", "9080", ":9080", "localhost", "localhost:", "localhost:0", "localhost:99999"])
def test_what_is_no_address_is_refused_with_what_to_write(address: str) -> None:
    with pytest.raises(ValueError, match="write host:port"):
        split_address(address)
