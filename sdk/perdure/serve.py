"""Serving an endpoint to runtime nodes, over gRPC."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Literal, TypeVar
from weakref import WeakSet

from google.protobuf.message import DecodeError
from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    DiscoverRequest,
    DiscoverResponse,
    EndpointFrames,
    NodeFrames,
)

from perdure.endpoint import PROTOCOL_VERSION, Endpoint
from perdure.errors import StatusCode
from perdure.outbox import Outbox
from perdure.session import EndpointSession
from perdure.signatures import SIGNATURE, Verifier, WrongSignature
from perdure.tls import Tls

SERVICE = "/perdure.protocol.v1.EndpointService"
# Metadata of a session: the version of the protocol that the node speaks in it.
VERSION = "perdure-protocol-version"
# What was said before a session ends gets this long to leave.
FAREWELL_S = 1.0
# Handlers and nodes that refuse to end hold close() up no longer.
CLOSE_AFTER_S = 10.0
MIB = 1024 * 1024
# Pings find a node whose machine is gone; a process that is gone closes its socket.
CONFIGURATION = Configuration(
    _keepalive_time=10.0,
    _keepalive_timeout=10.0,
    _keepalive_permit_without_calls=True,
    _http2_max_pings_without_data=0,
    _http2_min_sent_ping_interval_without_data=5.0,
    http2_connection_window_size=16 * MIB,
    http2_stream_window_size=16 * MIB,
)

log = logging.getLogger("perdure")

Req = TypeVar("Req")
Res = TypeVar("Res")


class EndpointServer:
    """Lets any number of nodes run the handlers of an endpoint, each in a session of its own.

    Attributes:
        port: Where it listens once it has started; given as 0, one that was free.
    """

    def __init__(
        self, endpoint: Endpoint, host: str, port: int, *, tls: Tls | None = None, verifier: Verifier | None = None
    ) -> None:
        """Serves an endpoint at an address, from ``start()`` to ``close()``.

        ``verifier`` takes the place of what the endpoint's ``accept_from`` says.

        Raises:
            UsageError: A file of TLS is missing, or does not do.
        """
        self.port = port
        self._host = host
        self._tls = None if tls is None else tls.server_context()
        self._service = EndpointService(endpoint, endpoint.verifier if verifier is None else verifier)
        self._server: _Server | None = None

    async def start(self) -> None:
        """Listens. Raises OSError where it cannot."""
        server = _Server([self._service], config=CONFIGURATION)
        await server.start(self._host, self.port, ssl=self._tls)
        self._server = server
        self.port = server.bound_port()

    async def close(self) -> None:
        """Ends all sessions: handlers stop where they are; their nodes start them again, elsewhere or here later."""
        server, self._server = self._server, None
        if server is None:
            return
        server.stop_listening()
        await self._service.close()
        await server.end()


class EndpointService:
    """``perdure.protocol.v1.EndpointService``, as grpclib serves it."""

    def __init__(self, endpoint: Endpoint, verifier: Verifier | None = None) -> None:
        self._endpoint = endpoint
        self._verifier = verifier
        self._closing = asyncio.Event()
        self._sessions: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()

    def __mapping__(self) -> Mapping[str, Handler]:
        """What grpclib calls, by path."""
        unary, stream = Cardinality.UNARY_UNARY, Cardinality.STREAM_STREAM
        return {
            f"{SERVICE}/Discover": Handler(self._discover, unary, DiscoverRequest, DiscoverResponse),
            f"{SERVICE}/Session": Handler(self._session, stream, NodeFrames, EndpointFrames),
        }

    async def close(self) -> None:
        """Ends all sessions."""
        self._closing.set()
        tasks = self._sessions | self._ending
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_AFTER_S)

    async def _discover(self, stream: Stream[DiscoverRequest, DiscoverResponse]) -> None:
        self._admit(stream, "Discover")
        request = await stream.recv_message()
        # The node says the newest version that it speaks, and takes an older one.
        if request is None or request.protocol_version < PROTOCOL_VERSION:
            raise _other_version("none" if request is None else str(request.protocol_version))
        await stream.send_message(self._endpoint.discovery())

    async def _session(self, stream: Stream[NodeFrames, EndpointFrames]) -> None:
        self._admit(stream, "Session")
        spoken = stream.metadata.get(VERSION, "none") if stream.metadata is not None else "none"
        if spoken != str(PROTOCOL_VERSION):
            raise _other_version(str(spoken))
        # At once: until it has come, the node does not know that this is an endpoint.
        await stream.send_initial_metadata()
        outbox = Outbox()
        session = EndpointSession(self._endpoint, outbox.put)
        reading = asyncio.create_task(_read(stream, session, outbox))
        writing = asyncio.create_task(_write(stream, outbox))
        closing = asyncio.create_task(self._closing.wait())
        tasks: list[asyncio.Future[None] | asyncio.Future[Literal[True]]] = [reading, writing, closing]
        this = asyncio.current_task()
        assert this is not None
        self._sessions.add(this)
        this.add_done_callback(self._sessions.discard)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            outbox.close()
            await asyncio.wait([writing], timeout=FAREWELL_S)
            for task in done:
                task.result()
        finally:
            ending = asyncio.create_task(_end(session, tasks))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            # A connection that breaks and a server that closes both cancel: the session ends all the same.
            await asyncio.shield(ending)

    def _admit(self, stream: Stream[Req, Res], method: str) -> None:
        """Lets nodes in whose keys are known; everybody where none is named. Raises GRPCError."""
        if self._verifier is None:
            return
        written = stream.metadata.get(SIGNATURE) if stream.metadata is not None else None
        try:
            self._verifier.check(f"{SERVICE}/{method}", None if written is None else str(written))
        except WrongSignature as error:
            log.warning("a request was refused: %s", error)
            raise GRPCError(StatusCode.UNAUTHENTICATED, str(error)) from error


async def _end(session: EndpointSession, tasks: Sequence[asyncio.Future[None] | asyncio.Future[Literal[True]]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await session.close()


async def _read(stream: Stream[NodeFrames, EndpointFrames], session: EndpointSession, outbox: Outbox) -> None:
    while True:
        # What is not read here stays with the node: HTTP/2 lets it send only so much ahead.
        await outbox.room()
        try:
            message = await stream.recv_message()
        except DecodeError as error:
            raise GRPCError(StatusCode.INVALID_ARGUMENT, f"the node sent what are no NodeFrames: {error}") from error
        if message is None:
            return
        session.receive(message.frames)


async def _write(stream: Stream[NodeFrames, EndpointFrames], outbox: Outbox) -> None:
    while frames := await outbox.take():
        # Returns when HTTP/2 has let the node have it all; what the handlers say meanwhile goes into the next message.
        await stream.send_message(EndpointFrames(frames=frames))


def _other_version(spoken: str) -> GRPCError:
    return GRPCError(
        StatusCode.FAILED_PRECONDITION,
        f"this endpoint (perdure {version('perdure')}) speaks version {PROTOCOL_VERSION} of the session protocol, "
        f"the node asked for {spoken}: update the older of the two",
    )


class _Server(Server):
    """A server of grpclib that also ends its connections; grpclib leaves them open."""

    def __init__(self, handlers: Collection[EndpointService], *, config: Configuration) -> None:
        super().__init__(handlers, config=config)
        self._connections: WeakSet[H2Protocol] = WeakSet()

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._connections.add(protocol)
        return protocol

    def bound_port(self) -> int:
        """The port that it listens on."""
        assert isinstance(self._server, asyncio.Server)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def stop_listening(self) -> None:
        """Refuses new connections; those that are open go on."""
        assert self._server is not None
        self._server.close()

    async def end(self) -> None:
        """Closes all connections."""
        self.close()
        for protocol in list(self._connections):
            if hasattr(protocol, "processor"):
                protocol.processor.close("the endpoint stops")
        try:
            async with asyncio.timeout(CLOSE_AFTER_S):
                await self.wait_closed()
        except TimeoutError:
            log.warning("a node has not taken the end of its session within %g s", CLOSE_AFTER_S)
