"""The listener of the ingress: one port for gRPC and JSON, told apart by the first bytes of a connection."""

import asyncio
from collections.abc import Callable
from typing import cast

from uvicorn.server import ServerState

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.grpc import GrpcConnection, router_for
from perdure_runtime.ingress.http.app import App
from perdure_runtime.ingress.http.connection import HttpConnection, http_config
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.port import Invocations

# How HTTP/2 begins when a client knows beforehand that the server speaks it (RFC 9113, section 3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BACKLOG = 1_024
SWEEP_EVERY_S = 1.0
# What a cut connection gets to write its last words.
LAST_WORDS_S = 1.0

Lost = Callable[[Connection], None]


class Greeting(Connection):
    """A connection that has not said yet what it speaks."""

    def __init__(self, become: Callable[["Greeting", bool], Connection], expires_at: float, on_lost: Lost) -> None:
        self._become = become
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._heard = b""
        self.expires_at = expires_at

    @property
    def idle(self) -> bool:
        """Nobody waits here."""
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Waits for the first bytes."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hands the connection over as soon as its first bytes tell what it speaks."""
        self._heard += data
        is_http2 = self._heard.startswith(PREFACE)
        if not is_http2 and PREFACE.startswith(self._heard):
            return
        transport = self._transport
        if transport is None:
            return
        connection = self._become(self, is_http2)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.data_received(self._heard)

    def connection_lost(self, exc: Exception | None) -> None:
        """It went without a word."""
        self._on_lost(self)

    def drain(self) -> None:
        """Closes: nothing has begun."""
        self.cut()

    def cut(self) -> None:
        """Closes."""
        if self._transport is not None:
            self._transport.close()


class Ingress:
    """Serves callers on one address."""

    def __init__(self, invocations: Invocations, host: str, port: int, limits: Limits | None = None) -> None:
        """Serves what ``invocations`` knows; port 0 lets the system choose."""
        self._limits = Limits() if limits is None else limits
        self._address = (host, port)
        self._buffered = Buffered(self._limits.buffered_bytes)
        desk = Desk(invocations)
        self._router = router_for(desk)
        self._http_config = http_config(App(desk, self._limits, self._buffered), self._limits)
        self._http_state = ServerState()
        self._connections: set[Connection] = set()
        self._gone = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is bound."""
        if self._server is None:
            raise RuntimeError("the ingress has not been started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listens. Raises OSError."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._greet, host, port, backlog=BACKLOG)
        self._sweeping = asyncio.create_task(self._sweep(), name="ingress sweep")

    async def close(self, grace_s: float) -> None:
        """Lets nobody in any more, waits so long for calls that run, then answers them with UNAVAILABLE."""
        if self._server is None or self._sweeping is None:
            return
        self._server.close()
        self._sweeping.cancel()
        for connection in list(self._connections):
            connection.drain()
        if not await self._all_gone(grace_s):
            for connection in list(self._connections):
                connection.cut()
            await self._all_gone(LAST_WORDS_S)

    async def _all_gone(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while self._connections:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            return False
        return True

    async def _sweep(self) -> None:
        """Cuts connections whose peer does not go on: one look at all of them costs less than a timer for each."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            now = loop.time()
            for connection in list(self._connections):
                if connection.expires_at is not None and connection.expires_at <= now:
                    connection.cut()

    def _greet(self) -> Greeting:
        expires_at = asyncio.get_running_loop().time() + self._limits.greeting_s
        greeting = Greeting(self._become, expires_at, self._lose)
        self._connections.add(greeting)
        return greeting

    def _become(self, greeting: Greeting, is_http2: bool) -> Connection:
        connection: Connection
        if is_http2:
            connection = GrpcConnection(self._router, self._limits, self._buffered, self._lose)
        else:
            connection = HttpConnection(self._http_config, self._http_state, self._limits, self._lose)
        self._connections.discard(greeting)
        self._connections.add(connection)
        return connection

    def _lose(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._gone.set()
