"""The first bytes of a connection, which tell gRPC from JSON."""

import asyncio
from collections.abc import Callable
from typing import cast

from perdure_runtime.ingress.connection import Connection

# How HTTP/2 begins when a client knows beforehand that the server speaks it (RFC 9113, section 3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Greeting(Connection):
    """A connection that has not said yet what it speaks."""

    def __init__(
        self,
        become: Callable[["Greeting", bool], Connection],
        expires_at: float,
        on_met: Callable[[Connection, asyncio.Transport], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self._become = become
        self._on_met = on_met
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
        self._on_met(self, self._transport)

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
