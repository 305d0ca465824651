"""One HTTP/2 connection of gRPC callers: which calls are open, and how it ends."""

import asyncio
from collections.abc import Callable
from typing import cast

from grpclib.const import Status
from grpclib.protocol import AbstractHandler, Stream
from h2.errors import ErrorCodes

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.grpc import headers
from perdure_runtime.ingress.grpc.call import Call
from perdure_runtime.ingress.grpc.framing import MessageReader
from perdure_runtime.ingress.grpc.method import Header, Router, Unary
from perdure_runtime.ingress.grpc.wire import Wire, WireStream
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal

# What HTTP/2 counts for a header beside its name and value (RFC 9113, section 6.5.2).
HEADER_OVERHEAD = 32


class Calls(AbstractHandler):
    """The calls of one connection, by the number of their stream."""

    def __init__(self, router: Router, limits: Limits, buffered: Buffered, on_idle: Callable[[], None]) -> None:
        self._router = router
        self._limits = limits
        self._buffered = buffered
        self._on_idle = on_idle
        self._open: dict[int, tuple[Call, Callable[[], None]]] = {}
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def arriving(self) -> bool:
        """Whether a caller has begun a message and not ended it."""
        return any(call.arriving and not call.streams for call, _ in self._open.values())

    def accept(self, stream: Stream, headers: list[tuple[str, str]], release_stream: Callable[[], None]) -> None:
        """A stream was opened. Its headers are bytes: that is how our h2 is configured."""
        request = cast(list[Header], headers)
        answer = self._begin(cast(WireStream, stream), request, release_stream)
        if answer is not None:
            wire = cast(WireStream, stream)
            wire.end(answer)
            wire.stop(ErrorCodes.NO_ERROR)
            release_stream()

    def _begin(self, stream: WireStream, request: list[Header], release: Callable[[], None]) -> list[Header] | None:
        """Begins a call, or says how it is answered without one."""
        if self.draining:
            return _refused(
                Refusal(Status.UNAVAILABLE, "the node stops; call another one, or this one when it is back")
            )
        named = dict(request)
        if named.get(b":method") != b"POST":
            return [(b":status", b"405"), (b"allow", b"POST")]
        if not headers.is_grpc(named.get(b"content-type")):
            return [(b":status", b"415")]
        path = named.get(b":path", b"").decode("latin-1")
        try:
            self._check_size(request)
            timeout_s = headers.read_timeout_s(named.get(b"grpc-timeout"))
            gzip = headers.read_encoding(named.get(b"grpc-encoding"))
            method = self._router(path)
        except Refusal as refusal:
            return _refused(refusal)
        reader = MessageReader(self._limits.message_bytes, self._buffered, gzip, single=isinstance(method, Unary))
        call = Call(stream, path, method, request, reader, timeout_s, self._end)
        stream.buffer = call
        self._open[stream.id] = (call, release)
        return None

    def cancel(self, stream: Stream) -> None:
        """The caller has given up."""
        known = self._open.get(cast(WireStream, stream).id)
        if known is not None:
            known[0].abandon()

    def close(self) -> None:
        """The connection has gone."""
        for call, _ in list(self._open.values()):
            call.abandon()

    def refuse(self, refusal: Refusal, *, conversations_only: bool = False) -> None:
        """Ends open calls with an error."""
        for call, _ in list(self._open.values()):
            if call.streams or not conversations_only:
                call.refuse(refusal)

    def _check_size(self, request: list[Header]) -> None:
        size = sum(len(name) + len(value) for name, value in request) + HEADER_OVERHEAD * len(request)
        if size > self._limits.header_bytes:
            most = self._limits.header_bytes
            raise Refusal(Status.RESOURCE_EXHAUSTED, f"the metadata is {size} bytes; this node takes {most} at most")

    def _end(self, call: Call) -> None:
        _, release = self._open.pop(call.id)
        release()
        if not self._open:
            self._on_idle()


class GrpcConnection(Wire, Connection):
    """A connection of gRPC callers."""

    def __init__(
        self, router: Router, limits: Limits, buffered: Buffered, on_lost: Callable[[Connection], None]
    ) -> None:
        self._calls = Calls(router, limits, buffered, self._on_idle)
        super().__init__(self._calls, limits)
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    # The connection as its listener sees it.

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer here."""
        return not self._calls

    def drain(self) -> None:
        """Tells the caller to open no more streams; closes once those that are open are answered."""
        if self._calls.draining or self._transport is None or self._transport.is_closing():
            return
        self._calls.draining = True
        self.connection.say_goodbye()
        # A conversation can last for as long as its caller likes: nobody should wait for that.
        self._calls.refuse(Refusal(Status.UNAVAILABLE, "the node stops"), conversations_only=True)
        self._on_idle()

    def cut(self) -> None:
        """Answers what runs with UNAVAILABLE, and closes."""
        sentence = (
            "the node stops, or the request did not go on; what was accepted runs: call again with an idempotency-key"
        )
        self._calls.refuse(Refusal(Status.UNAVAILABLE, sentence))
        self._close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the peer."""
        self._transport = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Acts on what has come. The caller is the one to go on while a message is not here in full."""
        super().data_received(data)
        self.expires_at = self._loop.time() + self._limits.stalled_s if self._calls.arriving else None

    def pause_writing(self) -> None:
        """The caller does not read: nothing more is read from it, and it has so long to take what it asked for."""
        super().pause_writing()
        self.expires_at = self._loop.time() + self._limits.stalled_s
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        self.expires_at = None
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody waits any more; invocations go on."""
        self._transport = None
        super().connection_lost(exc)
        self._on_lost(self)

    def _on_idle(self) -> None:
        if self._calls.draining and not self._calls:
            self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self.connection.flush()
            self._transport.close()


def _refused(refusal: Refusal) -> list[Header]:
    """The whole answer to a call that never began."""
    return [*headers.INITIAL, headers.ACCEPT_ENCODING, *headers.trailers(refusal)]
