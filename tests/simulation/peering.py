"""The network between nodes: connections that stall and break, in memory, with all of perdure's own code at both ends.

What is replaced is grpclib's channel at the one end, and the server of HTTP/2 at the other.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from random import Random
from typing import Generic, TypeVar

from perdure_protos.perdure.peer.v1.peer_pb2 import Requests, Responses
from perdure_runtime.peer.peers import Peers
from perdure_runtime.peer.port import Post, Residents
from perdure_runtime.peer.server import Exchange

from tests.simulation.loop import Group, current_group, outside
from tests.simulation.network import DELAYS_S, Direction
from tests.simulation.witness import Witness

T = TypeVar("T")

# A peer that has been silent for so long is taken for gone.
SILENT_S = 2.0
# Who stops gives its peers so long to hear the end.
FAREWELL_S = 0.01


class Mailbox(Generic[T]):
    """What has come to one end of a stream."""

    def __init__(self) -> None:
        self._messages: deque[T] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._broken = False

    def put(self, messages: Sequence[T]) -> None:
        """Something comes."""
        self._messages.extend(messages)
        self._news.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self._ended = True
        self._news.set()

    def break_off(self) -> None:
        """The connection is gone, and so is what nobody has taken yet."""
        self._broken = True
        self._messages.clear()
        self._news.set()

    async def arrived(self) -> None:
        """Waits until there is something to take. Raises ConnectionError."""
        while not self._messages and not self._ended and not self._broken:
            self._news.clear()
            await self._news.wait()
        if self._broken:
            raise ConnectionResetError("the connection broke")

    async def take(self) -> T | None:
        """The next message; None at the end. Raises ConnectionError."""
        await self.arrived()
        return self._messages.popleft() if self._messages else None


class Stream:
    """One stream between two nodes: the part of grpclib's that a line uses, and a conversation of the server's."""

    def __init__(self, peering: "Peering", source: Group, address: str) -> None:
        self._peering = peering
        self.source = source
        self.address = address
        self._answers: Mailbox[Responses] = Mailbox()
        self._requests: Mailbox[Requests] = Mailbox()
        self._to_client: Direction[Responses] = Direction(peering.random, self._answers.put, source)
        self._to_server: Direction[Requests] | None = None
        self.broken = False

    # The client's end.

    async def __aenter__(self) -> "Stream":
        return self

    async def send_request(self) -> None:
        """Connects. Raises ConnectionError."""
        await asyncio.sleep(self._peering.random.choice(DELAYS_S))
        await self._peering.connect(self)

    async def recv_initial_metadata(self) -> None:
        """Waits until the peer has said something. Raises ConnectionError."""
        await self._answers.arrived()

    async def send_message(self, message: Requests) -> None:
        """Sends requests. Raises ConnectionError."""
        if self.broken or self._to_server is None:
            raise ConnectionResetError("the connection is broken")
        self._peering.count(message)
        self._to_server.send((message,))

    async def recv_message(self) -> Responses | None:
        """The next answers; None at the end. Raises ConnectionError."""
        return await self._answers.take()

    # The server's end.

    def accept(self, group: Group) -> None:
        """The peer takes the connection."""
        self._to_server = Direction(self._peering.random, self._requests.put, group)

    async def receive(self) -> bytes | None:
        """The next requests; None when the peer has gone."""
        try:
            message = await self._requests.take()
        except ConnectionError:
            return None
        return None if message is None else message.SerializeToString()

    async def send(self, message: bytes) -> None:
        """Sends answers."""
        self._to_client.send((Responses.FromString(message),))

    def end(self) -> None:
        """The server says no more."""
        asyncio.get_running_loop().call_later(FAREWELL_S, self._answers.end, context=outside())

    # What befalls it.

    def stall(self, seconds: float) -> None:
        """Nothing arrives for a while, on either side."""
        for direction in (self._to_client, self._to_server):
            if direction is not None:
                direction.stall(seconds)

    def break_off(self, notice_s: float = 0.0) -> None:
        """What is in flight is lost, and each side notices in its own time."""
        if self.broken:
            return
        self.broken = True
        for direction in (self._to_client, self._to_server):
            if direction is not None:
                direction.cut = True
        loop = asyncio.get_running_loop()
        loop.call_later(notice_s, self._answers.break_off, context=outside())
        loop.call_later(notice_s * self._peering.random.choice((0, 1, 3)), self._requests.break_off, context=outside())


class Channel:
    """Stands where a line makes its channel."""

    def __init__(self, peering: "Peering", address: str) -> None:
        self._stream = Stream(peering, current_group(), address)

    def request(self, *method: object) -> Stream:
        """The one stream of it."""
        return self._stream

    def close(self) -> None:
        """Drops the connection."""
        self._stream.break_off()


class Attached:
    """The network as one node has it. Implements ``node.settings.Network``, and its ``PeerServer``."""

    def __init__(self, peering: "Peering", group: Group) -> None:
        self._peering = peering
        self.group = group
        self._doors: tuple[Residents, Post] | None = None
        self._exchanges: dict[Exchange, Stream] = {}

    def peers(self) -> Peers:
        """The way to the others."""
        return Peers()

    def server(self, residents: Residents, post: Post, host: str, port: int) -> "Attached":
        """The way in, not open yet."""
        self._doors = residents, post
        return self

    @property
    def port(self) -> int:
        """The one that is asked for."""
        return 1

    async def start(self) -> None:
        """Lets peers in."""
        self._peering.servers[self.group.name] = self

    async def close(self, grace_s: float) -> None:
        """Lets nobody in any more, and waits so long for those who have asked."""
        self._peering.servers.pop(self.group.name, None)
        try:
            async with asyncio.timeout(grace_s):
                for exchange in list(self._exchanges):
                    await exchange.settled()
        except TimeoutError:
            pass  # They will ask another one.
        for exchange in list(self._exchanges):
            exchange.end()

    def accept(self, stream: Stream) -> None:
        """A peer has connected."""
        stream.accept(self.group)
        self.group.task(self._converse(stream))

    async def _converse(self, stream: Stream) -> None:
        assert self._doors is not None
        exchange = Exchange(*self._doors, stream)
        self._exchanges[exchange] = stream
        try:
            await exchange.run()
        finally:
            del self._exchanges[exchange]
            stream.end()


class Peering:
    """All connections between nodes."""

    def __init__(self, random: Random, witness: Witness) -> None:
        self.random = random
        self._witness = witness
        self._loop = asyncio.get_running_loop()
        self._streams: list[Stream] = []
        # Nodes that are cut off, by address: until when, and whether those who ask are told so.
        self._cut: dict[str, tuple[float, bool]] = {}
        self.servers: dict[str, Attached] = {}
        self.carried: Counter[str] = Counter()

    def channel(self, host: str, port: int, **_: object) -> Channel:
        """A channel of the node that asks for it."""
        return Channel(self, f"{host}:{port}")

    def attach(self, group: Group) -> Attached:
        """The network for a node, whose address is the name of its group."""
        return Attached(self, group)

    async def connect(self, stream: Stream) -> None:
        """Brings a stream to its server. Raises ConnectionError."""
        for address in (stream.source.name, stream.address):
            until_s, silent = self._cut.get(address, (0.0, False))
            if self._loop.time() < until_s:
                if silent:
                    await asyncio.sleep(until_s - self._loop.time())
                else:
                    raise ConnectionRefusedError("no route to host")
        server = self.servers.get(stream.address)
        if server is None:
            raise ConnectionRefusedError("connection refused")
        self._streams = [other for other in self._streams if not other.broken]
        self._streams.append(stream)
        server.accept(stream)

    def cut(self, address: str, seconds: float, silent: bool) -> bool:
        """Cuts a node off from all others; says whether it was connected. Those in silence may come back as before."""
        self._cut[address] = (self._loop.time() + seconds, silent)
        streams = self._of(address)
        for stream in streams:
            if not silent:
                stream.break_off(self.random.choice((0, 0.001, 0.02)))
            elif seconds < SILENT_S and self.random.random() < 0.5:
                stream.stall(seconds)
            else:
                stream.break_off(min(seconds, SILENT_S))
        return bool(streams)

    def lose(self, address: str) -> None:
        """A node was killed."""
        self.servers.pop(address, None)
        for stream in self._of(address):
            stream.break_off(self.random.choice((0, 0.001, 0.02)))

    def silence(self, address: str) -> None:
        """A node has been frozen for so long that its peers take it for gone."""
        for stream in self._of(address):
            stream.break_off()

    def count(self, requests: Requests) -> None:
        """Counts what peers ask of each other."""
        for request in requests.requests:
            kind = request.WhichOneof("request")
            self._witness.happened[f"peers: {kind}"] += 1
            self._witness.note(f"a peer is asked for {kind}")

    def _of(self, address: str) -> list[Stream]:
        return [stream for stream in self._streams if address in (stream.source.name, stream.address)]
