"""An endpoint served over real sockets, to the transport that nodes use."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from grpclib.client import Channel, Stream
from grpclib.const import Cardinality
from grpclib.exceptions import GRPCError
from perdure import Context, codec, outbox
from perdure.connections import RawCodec
from perdure.outbox import MESSAGE_BYTES, MIB, MOST_WAITING_BYTES, Outbox
from perdure.serve import SERVICE, VERSION, EndpointServer
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Outcome, Target
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    DiscoverRequest,
    DiscoverResponse,
    EndpointFrame,
    EndpointFrames,
    NodeFrame,
    NodeFrames,
    Start,
)
from perdure_runtime.invoker.remote import RemoteTransport, discover
from perdure_runtime.invoker.transport import EndpointUnreachable, Link

from tests.sdk.contract import StoryHandler, Word, endpoint
from tests.sdk.node import turns

Session = Stream[NodeFrames, EndpointFrames]


class Peer:
    """A node's end of a session, and what it has got."""

    def __init__(self) -> None:
        self.messages: list[Sequence[EndpointFrame]] = []
        self._frames: asyncio.Queue[EndpointFrame] = asyncio.Queue()
        self.link: Link

    async def open(self, address: str) -> "Peer":
        """Opens the session."""
        self.link = await RemoteTransport(address).open(self._take)
        return self

    def _take(self, frames: Sequence[EndpointFrame]) -> None:
        self.messages.append(frames)
        for frame in frames:
            self._frames.put_nowait(frame)

    def start(self, slot: int = 1, text: str = "") -> None:
        """Starts Story/Do."""
        self.link.send(start(slot, text))

    async def next(self) -> EndpointFrame:
        """The next frame."""
        return await self._frames.get()

    async def result(self) -> Word:
        """The next frame, which is a response."""
        return codec.decode(Word, (await self.next()).outcome.value)


def start(slot: int = 1, text: str = "") -> NodeFrame:
    """The first frame of an attempt of Story/Do."""
    target = Target(service="testing.v1.Story", handler="Do")
    request = codec.encode(Word(text=text))
    begin = Start(invocation_id=f"inv_{slot}", attempt=1, target=target, input=request, inactivity_timeout_ms=60_000)
    return NodeFrame(slot=slot, start=begin)


def meet(do: StoryHandler, story: Callable[[EndpointServer, str], Coroutine[None, None, None]]) -> None:
    """Runs a story with a server whose Story/Do does this."""

    async def run() -> None:
        server = EndpointServer(endpoint(do), "127.0.0.1", 0)
        await server.start()
        try:
            async with asyncio.timeout(30):
                await story(server, f"127.0.0.1:{server.port}")
        finally:
            await server.close()

    asyncio.run(run())


async def echo(ctx: Context, request: Word) -> Word:
    """Gives back what it got."""
    return request


@asynccontextmanager
async def raw_session(server: EndpointServer, metadata: dict[str, str]) -> AsyncIterator[Session]:
    """A session without the node's transport."""
    channel = Channel("127.0.0.1", server.port)
    stream: Session = channel.request(
        f"{SERVICE}/Session", Cardinality.STREAM_STREAM, NodeFrames, EndpointFrames, metadata=metadata
    )
    try:
        async with stream:
            await stream.send_request()
            yield stream
    finally:
        channel.close()


def test_it_tells_what_it_serves() -> None:
    async def story(server: EndpointServer, address: str) -> None:
        answer = await discover(address)
        assert list(answer.services) == ["testing.v1.Story", "testing.v1.Counter"]

    meet(echo, story)


def test_it_runs_handlers_in_a_session() -> None:
    async def story(server: EndpointServer, address: str) -> None:
        peer = await Peer().open(address)
        peer.start(text="hello")
        assert (await peer.result()).text == "hello"
        await peer.link.close()

    meet(echo, story)


def test_sessions_of_several_nodes_do_not_disturb_each_other() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(timedelta(seconds=1))
        return request

    async def story(server: EndpointServer, address: str) -> None:
        peers = [await Peer().open(address) for _ in range(3)]
        for number, peer in enumerate(peers):
            peer.start(text=str(number))
            assert (await peer.next()).entry.HasField("sleep")
        await peers[0].link.close()
        for number, peer in enumerate(peers[1:], start=1):
            peer.link.send(NodeFrame(slot=1, completion=Completion(command=0, value=b"")))
            assert (await peer.result()).text == str(number)
            await peer.link.close()

    meet(do, story)


def test_a_node_that_goes_away_stops_its_handlers() -> None:
    stopped = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        try:
            await ctx.sleep(timedelta(seconds=1))
        finally:
            stopped.set()
        return Word()

    async def story(server: EndpointServer, address: str) -> None:
        peer = await Peer().open(address)
        peer.start()
        await peer.next()
        await peer.link.close()
        await stopped.wait()

    meet(do, story)


def test_closing_stops_handlers_tells_the_node_and_frees_the_port() -> None:
    stopped = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        try:
            await ctx.sleep(timedelta(seconds=1))
        finally:
            stopped.set()
        return Word()

    async def story(server: EndpointServer, address: str) -> None:
        peer = await Peer().open(address)
        peer.start()
        await peer.next()
        await server.close()
        assert stopped.is_set()
        assert await peer.link.closed() == "the endpoint ended the session"
        await peer.link.close()
        with pytest.raises(EndpointUnreachable):
            await Peer().open(address)
        again = EndpointServer(endpoint(echo), "127.0.0.1", server.port)
        await again.start()
        await again.close()

    meet(do, story)


def test_a_port_that_is_taken_is_an_os_error() -> None:
    async def story(server: EndpointServer, address: str) -> None:
        second = EndpointServer(endpoint(echo), "127.0.0.1", server.port)
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
        await second.close()

    meet(echo, story)


@pytest.mark.parametrize("metadata", [{}, {VERSION: "2"}])
def test_a_session_in_another_version_is_refused_with_a_sentence(metadata: dict[str, str]) -> None:
    async def story(server: EndpointServer, address: str) -> None:
        with pytest.raises(GRPCError, match=r"speaks version 1 of the session protocol.*update the older"):
            async with raw_session(server, metadata) as stream:
                await stream.recv_initial_metadata()

    meet(echo, story)


def test_a_discovery_in_an_older_version_is_refused_with_a_sentence() -> None:
    async def story(server: EndpointServer, address: str) -> None:
        async with Channel("127.0.0.1", server.port) as channel:
            stream = channel.request(f"{SERVICE}/Discover", Cardinality.UNARY_UNARY, DiscoverRequest, DiscoverResponse)

            async def ask() -> None:
                async with stream:
                    await stream.send_message(DiscoverRequest(protocol_version=0), end=True)
                    await stream.recv_message()

            with pytest.raises(GRPCError, match="update the older"):
                await ask()

    meet(echo, story)


def test_bytes_that_are_no_frames_end_that_session_with_a_sentence_and_no_other() -> None:
    async def story(server: EndpointServer, address: str) -> None:
        peer = await Peer().open(address)
        channel = Channel("127.0.0.1", server.port, codec=RawCodec())
        stream: Stream[bytes, bytes] = channel.request(
            f"{SERVICE}/Session", Cardinality.STREAM_STREAM, bytes, bytes, metadata={VERSION: "1"}
        )

        async def babble() -> None:
            async with stream:
                await stream.send_message(b"\xff\xff\xff", end=True)
                await stream.recv_message()

        with pytest.raises(GRPCError, match="no NodeFrames"):
            await babble()
        channel.close()
        peer.start(text="hello")
        assert (await peer.result()).text == "hello"
        await peer.link.close()

    meet(echo, story)


def test_large_answers_travel_in_messages_of_bounded_size() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(text="x" * (3 * MIB))

    async def story(server: EndpointServer, address: str) -> None:
        peer = await Peer().open(address)
        for slot in range(1, 9):
            peer.start(slot)
        for _ in range(8):
            assert len((await peer.result()).text) == 3 * MIB
        assert len(peer.messages) == 8
        await peer.link.close()

    meet(do, story)


def test_a_large_request_and_many_of_them_arrive() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(number=len(request.text))

    async def story(server: EndpointServer, address: str) -> None:
        peer = await Peer().open(address)
        for slot in range(1, 13):
            peer.start(slot, "x" * (slot * 3 * MIB))
        assert [(await peer.result()).number for _ in range(12)] == [slot * 3 * MIB for slot in range(1, 13)]
        await peer.link.close()

    meet(do, story)


def test_a_node_that_does_not_read_holds_back_new_attempts_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    # HTTP/2 lets 4 MiB go unread; 32 are to come.
    monkeypatch.setattr(outbox, "MOST_WAITING_BYTES", MIB)
    began: list[str] = []

    async def do(ctx: Context, request: Word) -> Word:
        began.append(ctx.invocation_id)
        return Word(text="x" * MIB)

    async def story(server: EndpointServer, address: str) -> None:
        async with raw_session(server, {VERSION: "1"}) as stream:
            for slot in range(1, 33):
                await stream.send_message(NodeFrames(frames=[start(slot)]))
                await turns()
            assert len(began) < 32
            slots: set[int] = set()
            while len(slots) < 32:
                message = await stream.recv_message()
                assert message is not None
                slots.update(frame.slot for frame in message.frames)
            await stream.end()

    meet(do, story)


def frame(size: int) -> EndpointFrame:
    """A frame of about this many bytes."""
    return EndpointFrame(slot=1, outcome=Outcome(value=b"x" * size))


def test_an_outbox_fills_messages_up_to_their_size_in_order() -> None:
    async def story() -> None:
        waiting = Outbox()
        frames = [frame(size) for size in (10, MIB, MESSAGE_BYTES - MIB, MESSAGE_BYTES * 2, 5, 7)]
        waiting.put(frames)
        batches = [await waiting.take() for _ in range(4)]
        assert [len(batch) for batch in batches] == [2, 1, 1, 2]
        assert [each for batch in batches for each in batch] == frames

    asyncio.run(story())


def test_an_outbox_has_no_room_while_too_much_waits() -> None:
    async def story() -> None:
        waiting = Outbox()
        await waiting.room()
        waiting.put([frame(MOST_WAITING_BYTES), frame(MESSAGE_BYTES)])
        room = asyncio.create_task(waiting.room())
        await asyncio.sleep(0)
        assert not room.done()
        await waiting.take()
        await room

    asyncio.run(story())


def test_a_closed_outbox_gives_what_it_has_and_then_nothing() -> None:
    async def story() -> None:
        waiting = Outbox()
        waiting.put([frame(1)])
        waiting.close()
        waiting.put([frame(2)])
        assert await waiting.take() == [frame(1)]
        assert await waiting.take() == []

    asyncio.run(story())
