"""One HTTP/1.1 connection: uvicorn's protocol, bounded in time and memory, and drained by its listener."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import cast

import httptools
from grpclib.const import Status
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.http.errors import raw_answer
from perdure_runtime.ingress.http.exchange import PEER, Application
from perdure_runtime.ingress.http.flow import Flow
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.peer import Peer, peer_of

log = logging.getLogger(__name__)

# Requests that a caller may write before it has the answer to the first; each waiting one takes a few kilobytes.
MOST_PIPELINED = 100
# Closing while a caller still writes would make its system drop the answer before it is read.
LINGER_S = 2.0


def http_config(app: Application) -> Config:
    """What all connections of a listener share. Their requests are not logged: the journal has them."""
    config = Config(
        app, interface="asgi3", lifespan="off", ws="none", log_config=None, access_log=False, proxy_headers=False
    )
    config.load()
    return config


class HttpConnection(HttpToolsProtocol, Connection):
    """A connection of JSON callers. One request at a time is answered; ``cycle`` is the newest that has come."""

    def __init__(
        self, config: Config, state: ServerState, limits: Limits, on_lost: Callable[[Connection], None]
    ) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._on_lost = on_lost
        self._in_head = False
        self._head_began_now = False
        self._head_bytes = 0
        self._head_expires_at = 0.0
        self._wrong: Refusal | None = None
        self._deaf = False
        self._last_words = b""
        self._said_last_words = False
        self._answering: RequestResponseCycle | None = None
        self._running: asyncio.Task[None] | None = None
        self._peer = Peer()

    # The connection as its listener sees it.

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer here."""
        return self.cycle is None or self.cycle.response_complete

    def drain(self) -> None:
        """Closes once the requests that have come are answered."""
        self.shutdown()

    def cut(self) -> None:
        """Answers what runs with UNAVAILABLE, or what has not arrived with 408, and closes."""
        if self.idle or self._said_last_words:
            self.transport.close()
        elif self._arriving:
            sentence = "the request did not go on, so it was given up; send its whole body"
            self._end(Refusal(Status.DEADLINE_EXCEEDED, sentence, http_status=408))
        else:
            sentence = "the node stops; what was accepted goes on when it is back: call again with an idempotency-key"
            self._end(Refusal(Status.UNAVAILABLE, sentence))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Waits for a request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._peer = peer_of(transport)
        self.flow = Flow(self.transport, self.pipeline)
        self.expires_at = self.loop.time() + self._limits.idle_s

    def data_received(self, data: bytes) -> None:
        """Acts on what has come."""
        if self._deaf:
            return
        self._head_began_now = False
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            log.info("a caller broke HTTP/1.1: %s", error)
            sentence = "these bytes are no request of HTTP/1.1; gRPC callers speak HTTP/2 with prior knowledge"
            self._break_off(self._wrong or Refusal(Status.INVALID_ARGUMENT, sentence))
            return
        if self._in_head and not self._head_began_now:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.header_bytes:
                self._break_off(self._head_too_large())
                return
        self._watch()

    def pause_writing(self) -> None:
        """The caller does not read: it has so long to take what it asked for."""
        super().pause_writing()
        self.expires_at = self.loop.time() + self._limits.stalled_s

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more; the invocation goes on."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._answering is not None:
            # uvicorn tells the newest request only.
            self._answering.disconnected = True
        if self._running is not None:
            self._running.cancel()
        self._on_lost(self)

    # What uvicorn's parser calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = self._head_began_now = True
        self._head_bytes = 0
        self._head_expires_at = self.loop.time() + self._limits.stalled_s

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those after a chunked body are dropped, since nobody looks at them and they have no bound."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A body follows. What is raised here reaches ``data_received`` as an error of the parser."""
        if self.parser.should_upgrade():
            return
        self._in_head = False
        if _size(self.url, self.headers) > self._limits.header_bytes:
            self._wrong = self._head_too_large()
            raise self._wrong
        if len(self.pipeline) >= MOST_PIPELINED:
            sentence = f"more than {MOST_PIPELINED} requests wait on this connection; read their answers, or open more"
            self._wrong = Refusal(Status.RESOURCE_EXHAUSTED, sentence)
            raise self._wrong
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is here in full, unless its head is to be read again without its offer."""
        if self._in_head:
            return
        super().on_message_complete()
        if not self.cycle.more_body:
            return
        # It was answered before it was read.
        self.cycle.more_body = False
        self.expires_at = self.loop.time() + self._limits.idle_s

    # What uvicorn's request calls.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begins to answer a request. The connection knows its task, so that it ends with its caller."""
        self._answering = cycle
        cycle.scope["state"][PEER] = self._peer
        self._running = self.loop.create_task(cycle.run_asgi(app))

    def on_response_complete(self) -> None:
        """The next request, if it is here; instead of uvicorn's, which sets a timer for each answer."""
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            self._watch()
            return
        if self._deaf:
            self._say_last_words()
            return
        self.flow.resume_reading()
        to_come = self.cycle.more_body or self._in_head
        self.expires_at = self.loop.time() + (self._limits.stalled_s if to_come else self._limits.idle_s)

    # Reading.

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                # To the parser all that follows is in the other protocol, also the body of this request.
                data = self._head_without_offer() + data[offer.args[0] :]
                # A new one, since a parser drops what follows the last request of a connection, which this may be.
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    def _head_without_offer(self) -> bytes:
        """An offer to upgrade may be passed over, and is: HTTP/2 clients make it with their first request."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError("this is no proxy")
        kept = b"".join(b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade")
        # A caller of 1.0 waits for its connection to be closed, so its version is kept.
        version = self.parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, kept)

    @property
    def _arriving(self) -> bool:
        """Whether the request that runs is not here in full."""
        return not self.idle and not self.pipeline and self.cycle.more_body

    def _watch(self) -> None:
        """The caller is the one to go on while its request arrives: a head as a whole, a body piece by piece."""
        if self.flow.write_paused or self._said_last_words:
            return
        if self._arriving:
            self.expires_at = self.loop.time() + self._limits.stalled_s
        elif not self.idle or self._deaf:
            self.expires_at = None
        elif self._in_head:
            self.expires_at = self._head_expires_at

    def _head_too_large(self) -> Refusal:
        sentence = f"the headers are larger than {self._limits.header_bytes} bytes, the most that this node takes"
        return Refusal(Status.RESOURCE_EXHAUSTED, sentence, http_status=431)

    # Ending.

    def _end(self, refusal: Refusal) -> None:
        """Answers what runs with an error, and closes."""
        if self._running is not None:
            self._running.cancel()
        self.pipeline.clear()
        self._deaf = True
        self._last_words = raw_answer(refusal)
        assert self._answering is not None  # Only what runs is ended.
        # What its task still says goes nowhere.
        self._answering.disconnected = True
        if self._answering.response_started:
            self.transport.abort()
        else:
            self._say_last_words()

    def _break_off(self, refusal: Refusal) -> None:
        """Reads no more: the requests before are answered, then this one is refused."""
        if self._arriving:
            self._end(refusal)
            return
        self._deaf = True
        self._last_words = raw_answer(refusal)
        if self.idle:
            self._say_last_words()
            return
        if self.pipeline and self.cycle.more_body:
            self.cycle.more_body = False
            self.pipeline.popleft()
        self._watch()

    def _say_last_words(self) -> None:
        """Answers, and closes once the caller has read it, or has had the time to."""
        self._said_last_words = True
        if self.transport.is_closing():
            return
        self.transport.write(self._last_words)
        try:
            self.transport.write_eof()
        except OSError:
            # The caller has gone meanwhile.
            self.transport.close()
            return
        self.flow.resume_reading()
        self.expires_at = self.loop.time() + LINGER_S


def _size(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """What a head takes; four bytes a header are its punctuation."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)
