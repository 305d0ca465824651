"""One HTTP/1.1 connection: uvicorn's protocol, with bounds on time and headers, and a listener that can drain it."""

import asyncio
from collections.abc import Callable
from typing import cast

from grpclib.const import Status
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.http.app import App
from perdure_runtime.ingress.http.errors import error_json
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.refusal import Refusal


def http_config(app: App, limits: Limits) -> Config:
    """What all connections of a listener share. Their requests are not logged: the journal has them."""
    config = Config(
        app,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.idle_s),
    )
    config.load()
    return config


class HttpConnection(HttpToolsProtocol, Connection):
    """A connection of JSON callers.

    Attributes:
        running: The task that answers a request, while there is one.
        cutting: Whether it was cancelled by us, and not because its caller has gone.
    """

    def __init__(
        self, config: Config, state: ServerState, limits: Limits, on_lost: Callable[[Connection], None]
    ) -> None:
        super().__init__(config, state, {"connection": self})
        self._limits = limits
        self._on_lost = on_lost
        self._header_bytes = 0
        self._in_headers = True
        self._headers_too_large = False
        self.running: asyncio.Task[None] | None = None
        self.cutting = False

    # The connection as its listener sees it.

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer here."""
        return self.cycle is None or self.cycle.response_complete

    def drain(self) -> None:
        """Closes once the request that runs is answered."""
        self.shutdown()

    def cut(self) -> None:
        """Answers what runs with UNAVAILABLE, and closes."""
        if self.running is None:
            self.transport.close()
            return
        self.cutting = True
        self.shutdown()
        self.running.cancel()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Waits for a request."""
        super().connection_made(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Acts on what has come."""
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > self._limits.header_bytes and not self.transport.is_closing():
                self._headers_too_large = True
                self.send_400_response("")
        # The caller is the one to go on while its request is not here in full.
        arriving = self._header_bytes > 0 if self._in_headers else self.cycle is not None and self.cycle.more_body
        self.expires_at = self.loop.time() + self._limits.stalled_s if arriving else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more; the invocation goes on."""
        super().connection_lost(exc)
        if self.running is not None:
            self.running.cancel()
        self._on_lost(self)

    # What uvicorn's parser calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_headers = True

    def on_headers_complete(self) -> None:
        """Its body follows."""
        self._in_headers = False
        self._header_bytes = 0
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers bytes that are no request, as all other errors."""
        if self._headers_too_large:
            sentence = f"the headers are larger than {self._limits.header_bytes} bytes, the most that this node takes"
            line, refusal = b"431 Request Header Fields Too Large", Refusal(Status.RESOURCE_EXHAUSTED, sentence)
        else:
            sentence = "these bytes are no request of HTTP/1.1; gRPC callers speak HTTP/2 without TLS here"
            line, refusal = b"400 Bad Request", Refusal(Status.INVALID_ARGUMENT, sentence)
        body = error_json(refusal)
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (line, len(body)) + body)
        self.transport.close()
