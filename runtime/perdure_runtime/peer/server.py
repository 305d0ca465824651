"""What a node serves its peers."""

import asyncio
import logging
import ssl

from google.protobuf.message import DecodeError
from grpclib.const import Status
from perdure_protos.perdure.peer.v1.peer_pb2 import Request, Requests, Response, Responses

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.grpc import Conversation, GrpcConnection, Method, Streaming
from perdure_runtime.ingress.limits import MIB, Buffered, Limits
from perdure_runtime.ingress.listener import Listener
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.peer.answering import answer
from perdure_runtime.peer.outbox import Outbox
from perdure_runtime.peer.port import Post, Residents
from perdure_runtime.peer.vocabulary import read_parcel
from perdure_runtime.storage.api import Parcel

EXCHANGE = "/perdure.peer.v1.PeerService/Exchange"
# A request carries what a caller may send, and more.
LIMITS = Limits(message_bytes=64 * MIB)
# What peers get to hear the end of their streams, and to close their connections.
FAREWELL_S = 0.5
# So long without a ping is the end of a connection.
SILENT_S = 5.0

log = logging.getLogger(__name__)


class PeerServer:
    """Answers peers on one address."""

    def __init__(
        self,
        residents: Residents,
        post: Post,
        host: str,
        port: int,
        *,
        limits: Limits = LIMITS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Port 0 lets the system choose. With ``tls`` those who connect must show what it asks for."""
        self._residents = residents
        self._post = post
        self._limits = limits
        self._buffered = Buffered(limits.buffered_bytes)
        self._listener = Listener(host, port, self._connect, limits.greeting_s, tls=tls)
        self._exchanges: set[Exchange] = set()
        self._connections = 0
        self._deserted = asyncio.Event()
        self._closing = False

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self._listener.port

    async def start(self) -> None:
        """Listens. Raises OSError."""
        await self._listener.start()

    async def close(self, grace_s: float) -> None:
        """Waits so long until all that peers have asked for is answered, and lets them go then."""
        try:
            async with asyncio.timeout(grace_s):
                for exchange in list(self._exchanges):
                    await exchange.settled()
        except TimeoutError:
            log.info("peers still wait for answers of this node: they will ask another one")
        self._closing = True
        for exchange in list(self._exchanges):
            exchange.end()
        # Who is told to go in the middle of an answer would drop it: so peers close by themselves, if they can.
        try:
            async with asyncio.timeout(FAREWELL_S):
                while self._connections:
                    self._deserted.clear()
                    await self._deserted.wait()
        except TimeoutError:
            pass
        await self._listener.close(0)

    def _connect(self, is_http2: bool) -> Connection:
        # What is no HTTP/2 is refused by it in the words of HTTP/2.
        self._connections += 1
        return PeerConnection(self._find, self._limits, self._buffered, self._lose)

    def _lose(self, connection: Connection) -> None:
        self._connections -= 1
        self._deserted.set()
        self._listener.lose(connection)

    def _find(self, path: str) -> Method:
        if path != EXCHANGE:
            raise Refusal(Status.UNIMPLEMENTED, f"{path[:300]!r} is not what nodes ask of each other, {EXCHANGE} is")
        return Streaming(self._converse)

    async def _converse(self, conversation: Conversation) -> None:
        exchange = Exchange(self._residents, self._post, conversation)
        if self._closing:
            exchange.end()
        self._exchanges.add(exchange)
        try:
            await exchange.run()
        finally:
            self._exchanges.discard(exchange)


class PeerConnection(GrpcConnection):
    """A connection of a peer, which pings all the time: one that is silent has gone, and nobody waits there."""

    def data_received(self, data: bytes) -> None:
        """The peer is alive."""
        self.expires_at = asyncio.get_running_loop().time() + SILENT_S
        super().data_received(data)


class Exchange:
    """One stream of requests, and of their answers.

    A request is a task while it is answered; parcels and the like need none. A peer that does not take its answers is
    not read any further, once many wait for it.
    """

    def __init__(self, residents: Residents, post: Post, conversation: Conversation) -> None:
        self._residents = residents
        self._post = post
        self._conversation = conversation
        self._answers: Outbox[Response] = Outbox()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ending = asyncio.Event()

    async def run(self) -> None:
        """Answers until the peer has gone, or ``end`` is called. Whoever waits here then does not any more."""
        sides = [asyncio.create_task(side) for side in (self._read(), self._write(), self._end())]
        try:
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for side in done:
                side.result()
        finally:
            for task in (*sides, *self._tasks.values()):
                task.cancel()
            await asyncio.gather(*sides, *self._tasks.values(), return_exceptions=True)

    async def settled(self) -> None:
        """Waits until all that was asked is answered, and the answers are on their way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        await self._answers.emptied()

    def end(self) -> None:
        """Tells the peer that this was the last answer."""
        self._ending.set()

    async def _end(self) -> None:
        await self._ending.wait()

    async def _read(self) -> None:
        while (message := await self._conversation.receive()) is not None:
            try:
                requests = Requests.FromString(message).requests
            except DecodeError as error:
                raise Refusal(Status.INVALID_ARGUMENT, f"the peer sent what are no Requests: {error}") from error
            parcels: list[Parcel] = []
            for request in requests:
                self._take(request, parcels)
            if parcels:
                self._post.receive(parcels)
            # What is not read stays with the peer: HTTP/2 lets it send only so much ahead.
            await self._answers.room()

    def _take(self, request: Request, parcels: list[Parcel]) -> None:
        match request.WhichOneof("request"):
            case "parcel":
                parcels.append(read_parcel(request.parcel))
            case "acknowledgement":
                told = request.acknowledgement
                self._post.acknowledged(told.source, told.destination, told.seq)
            case "look":
                self._post.look()
            case "withdraw":
                task = self._tasks.get(request.withdraw.request_id)
                if task is not None:
                    task.cancel()
            case _:
                task = asyncio.create_task(self._answer(request))
                self._tasks[request.id] = task
                task.add_done_callback(lambda _: self._tasks.pop(request.id, None))

    async def _answer(self, request: Request) -> None:
        self._answers.put(await answer(self._residents, request))

    async def _write(self) -> None:
        # At once: until something has come, the peer does not know that this is a node.
        await self._conversation.send(Responses().SerializeToString())
        while True:
            await self._conversation.send(Responses(responses=await self._answers.take()).SerializeToString())
