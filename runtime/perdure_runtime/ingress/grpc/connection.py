"""One HTTP/2 connection of gRPC callers, as its listener sees it."""

import asyncio
from collections.abc import Callable
from typing import cast

from grpclib.const import Status

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.gate import Gate
from perdure_runtime.ingress.grpc.calls import Calls
from perdure_runtime.ingress.grpc.method import Router
from perdure_runtime.ingress.grpc.wire import Wire
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.peer import peer_of
from perdure_runtime.telemetry.tallies import IngressTally


class GrpcConnection(Wire, Connection):
    """A connection of gRPC callers."""

    def __init__(
        self,
        router: Router,
        limits: Limits,
        buffered: Buffered,
        on_lost: Callable[[Connection], None],
        tally: IngressTally | None = None,
        gate: Gate | None = None,
    ) -> None:
        """``gate`` decides whose calls are taken; without one everybody's are."""
        self._calls = Calls(router, limits, buffered, self._on_idle, tally, gate)
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
        self.connection.say_goodbye()
        self._calls.drain()
        self._on_idle()

    def cut(self) -> None:
        """Answers what runs with UNAVAILABLE, and closes."""
        sentence = "the node stops; what was accepted runs when it is back: call again with an idempotency-key"
        self._calls.refuse(Refusal(Status.UNAVAILABLE, sentence))
        self._close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the peer."""
        self._transport = cast(asyncio.Transport, transport)
        self._calls.peer = peer_of(transport)
        super().connection_made(transport)

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
