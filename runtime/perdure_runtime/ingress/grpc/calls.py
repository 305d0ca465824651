"""The calls of one connection: what grpclib's protocol hands its streams to."""

import asyncio
from collections.abc import Callable
from typing import cast

from grpclib.const import Status
from grpclib.protocol import AbstractHandler, Stream
from h2.errors import ErrorCodes

from perdure_runtime.ingress.gate import Gate, OpenGate
from perdure_runtime.ingress.grpc import headers
from perdure_runtime.ingress.grpc.call import Call
from perdure_runtime.ingress.grpc.framing import MessageReader
from perdure_runtime.ingress.grpc.method import Header, Router, Unary
from perdure_runtime.ingress.grpc.wire import WireStream
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.peer import Peer
from perdure_runtime.telemetry.tallies import IngressTally

# What HTTP/2 counts for a header beside its name and value (RFC 9113, section 6.5.2).
HEADER_OVERHEAD = 32


class Calls(AbstractHandler):
    """Begins calls, refuses those that their headers condemn, and ends those whose callers stall.

    ``on_idle`` is called when the last call has ended. ``peer`` is the other end of the connection.
    """

    def __init__(
        self,
        router: Router,
        limits: Limits,
        buffered: Buffered,
        on_idle: Callable[[], None],
        tally: IngressTally | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._gate = OpenGate() if gate is None else gate
        self._router = router
        self._limits = limits
        self._buffered = buffered
        self._on_idle = on_idle
        self._tally = IngressTally() if tally is None else tally
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, tuple[Call, Callable[[], None]]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self.draining = False
        self.peer = Peer()

    def __len__(self) -> int:
        return len(self._open)

    def drain(self) -> None:
        """Takes no more calls. Conversations are ended, other calls go on."""
        self.draining = True
        for call, _ in list(self._open.values()):
            call.drain()

    def refuse(self, refusal: Refusal) -> None:
        """Ends all calls with an error, and takes no more."""
        self.draining = True
        for call, _ in list(self._open.values()):
            call.refuse(refusal)

    # What grpclib calls.

    def accept(self, stream: Stream, headers: list[tuple[str, str]], release_stream: Callable[[], None]) -> None:
        """A stream was opened. Its headers are bytes: that is how our h2 is configured."""
        wire = cast(WireStream, stream)
        if not self._begin(wire, cast(list[Header], headers), release_stream):
            # The caller need not send its body.
            wire.stop(ErrorCodes.NO_ERROR)
            release_stream()

    def cancel(self, stream: Stream) -> None:
        """The caller has given up."""
        known = self._open.get(cast(WireStream, stream).id)
        if known is not None:
            known[0].abandon()

    def close(self) -> None:
        """The connection has gone."""
        for call, _ in list(self._open.values()):
            call.abandon()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def _begin(self, stream: WireStream, request: list[Header], release: Callable[[], None]) -> bool:
        """Begins a call, or answers it here and is false."""
        if self.draining:
            # Says that nothing was done, so that clients try elsewhere by themselves.
            stream.stop(ErrorCodes.REFUSED_STREAM)
            return False
        named = dict(request)
        answer = headers.not_grpc(named.get(b":method"), named.get(b"content-type"))
        if answer is not None:
            stream.finish(answer)
            return False
        try:
            call = self._call(stream, request, named)
        except Refusal as refusal:
            self._tally.refused(refusal.code.name)
            stream.finish(*headers.refused(refusal))
            return False
        self._tally.open += 1
        stream.buffer = call
        self._open[stream.id] = (call, release)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._limits.stalled_s / 2, self._sweep)
        return True

    def _call(self, stream: WireStream, request: list[Header], named: dict[bytes, bytes]) -> Call:
        size = sum(len(name) + len(value) for name, value in request) + HEADER_OVERHEAD * len(request)
        if size > self._limits.header_bytes:
            most = self._limits.header_bytes
            raise Refusal(
                Status.RESOURCE_EXHAUSTED,
                f"the metadata is {size} bytes; this node takes {most} at most: put more into the message",
            )
        path = named.get(b":path", b"").decode("latin-1")
        caller = self._gate.admit(path, request, self.peer)
        timeout_s = headers.read_timeout_s(named.get(b"grpc-timeout"))
        gzip = headers.read_encoding(named.get(b"grpc-encoding"))
        method = self._router(path)
        reader = MessageReader(self._limits.message_bytes, self._buffered, gzip, single=isinstance(method, Unary))
        return Call(stream, path, method, request, reader, timeout_s, self._end, caller)

    def _end(self, call: Call) -> None:
        _, release = self._open.pop(call.id)
        self._tally.ended(call.code.name)
        release()
        if not self._open:
            self._on_idle()

    def _sweep(self) -> None:
        """Ends calls whose callers stall, for as long as there are calls."""
        now = self._loop.time()
        for call, _ in list(self._open.values()):
            call.check_stalled(now, self._limits.stalled_s)
        self._sweeping = self._loop.call_later(self._limits.stalled_s / 2, self._sweep) if self._open else None
