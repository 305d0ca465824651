"""A listening address and its connections: bounded in time, drained when it closes."""

import asyncio
import socket
import ssl
from collections.abc import Callable

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.greeting import Greeting

BACKLOG = 1_024
SWEEP_EVERY_S = 1.0
# What a cut connection gets to write its last words.
LAST_WORDS_S = 1.0


class Listener:
    """Accepts connections, and knows those that are open."""

    def __init__(
        self,
        host: str,
        port: int,
        make: Callable[[bool], Connection],
        greeting_s: float,
        *,
        reuse_port: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Makes a connection for each peer that has greeted, within ``greeting_s``; port 0 lets the system choose.

        ``make`` gets whether it speaks HTTP/2; its connections call ``lose`` when they have gone. With ``reuse_port``
        other processes may listen there too: the system deals connections out among them. With ``tls`` peers greet
        after its handshake, which has as long.
        """
        self._address = (host, port)
        self._reuse_port = reuse_port
        self._tls = tls
        self._make = make
        self._greeting_s = greeting_s
        self._connections: dict[Connection, asyncio.Transport] = {}
        self._cut: set[Connection] = set()
        self._gone = asyncio.Event()
        self._closing = False
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is bound."""
        if self._server is None:
            raise RuntimeError("the listener has not been started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def start(self) -> None:
        """Listens. Raises OSError."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._greet,
            host,
            port,
            backlog=BACKLOG,
            reuse_port=self._reuse_port,
            ssl=self._tls,
            ssl_handshake_timeout=self._greeting_s if self._tls is not None else None,
            ssl_shutdown_timeout=LAST_WORDS_S if self._tls is not None else None,
        )
        self._sweeping = asyncio.create_task(self._sweep(), name="connection sweep")

    async def close(self, grace_s: float) -> None:
        """Lets nobody in any more, waits so long for calls that run, then answers them with UNAVAILABLE."""
        if self._server is None or self._sweeping is None:
            return
        self._closing = True
        self._server.close()
        self._sweeping.cancel()
        for connection in list(self._connections):
            connection.drain()
        if await self._all_gone(grace_s):
            return
        for connection in list(self._connections):
            connection.cut()
        if await self._all_gone(LAST_WORDS_S):
            return
        # Those that do not even read their last words: closing would wait for them without end.
        for transport in list(self._connections.values()):
            transport.abort()

    def lose(self, connection: Connection) -> None:
        """A connection has gone."""
        self._connections.pop(connection, None)
        self._cut.discard(connection)
        self._gone.set()

    def _greet(self) -> Greeting:
        expires_at = asyncio.get_running_loop().time() + self._greeting_s
        return Greeting(self._become, expires_at, self._meet, self.lose)

    def _meet(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connections[connection] = transport
        # A caller that vanishes during a call says nothing: its system is asked now and then.
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._closing:
            connection.cut()

    def _become(self, greeting: Greeting, is_http2: bool) -> Connection:
        connection = self._make(is_http2)
        self._connections[connection] = self._connections.pop(greeting)
        return connection

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
            for connection, transport in list(self._connections.items()):
                if connection in self._cut:
                    # It had a whole round to read its last words.
                    transport.abort()
                elif connection.expires_at is not None and connection.expires_at <= now:
                    self._cut.add(connection)
                    connection.cut()
