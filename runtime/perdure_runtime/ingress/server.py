"""The ingress: one port for gRPC and JSON."""

import ssl
from collections.abc import Iterable

from uvicorn.server import ServerState

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.gate import Gate, IngressGate, OpenGate
from perdure_runtime.ingress.grpc import GrpcConnection, router_for
from perdure_runtime.ingress.http.app import App
from perdure_runtime.ingress.http.connection import HttpConnection, http_config
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.listener import Listener
from perdure_runtime.ingress.port import Invocations
from perdure_runtime.security.guard import Guard
from perdure_runtime.telemetry import catalogue
from perdure_runtime.telemetry.metrics import Metrics
from perdure_runtime.telemetry.tallies import Reading
from perdure_runtime.telemetry.tracing import Tracing


class Ingress:
    """Serves callers on one address."""

    def __init__(
        self,
        invocations: Invocations,
        host: str,
        port: int,
        limits: Limits | None = None,
        *,
        reuse_port: bool = False,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
        tls: ssl.SSLContext | None = None,
        guard: Guard | None = None,
        public_awakeables: bool = False,
        local_names_only: bool = False,
    ) -> None:
        """Serves what ``invocations`` knows; port 0 lets the system choose.

        With ``reuse_port`` other processes may serve the same address. Without a ``guard`` everybody may call all that
        is public; with one, and ``public_awakeables``, whoever knows the id of an awakeable still completes it.
        ``local_names_only`` keeps pages of other sites out of a listener without a guard that only this machine
        reaches.
        """
        self._limits = Limits() if limits is None else limits
        self._buffered = Buffered(self._limits.buffered_bytes)
        metrics = Metrics() if metrics is None else metrics
        metrics.watch(self._gauges)
        self._tally = metrics.ingress.of("grpc")
        desk = Desk(invocations, tracing)
        self._router = router_for(desk)
        if guard is None:
            self._gate: Gate = OpenGate(local_names_only=local_names_only)
        else:
            self._gate = IngressGate(guard, public_awakeables=public_awakeables)
        app = App(desk, self._limits, self._buffered, metrics.ingress.of("http"), self._gate)
        self._http_config = http_config(app)
        self._http_state = ServerState()
        self._listener = Listener(host, port, self._connect, self._limits.greeting_s, reuse_port=reuse_port, tls=tls)

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self._listener.port

    async def start(self) -> None:
        """Listens. Raises OSError."""
        await self._listener.start()

    async def close(self, grace_s: float) -> None:
        """Lets nobody in any more, waits so long for calls that run, then answers them with UNAVAILABLE."""
        await self._listener.close(grace_s)

    def _gauges(self) -> Iterable[Reading]:
        return [Reading(catalogue.CONNECTIONS, self._listener.connections)]

    def _connect(self, is_http2: bool) -> Connection:
        if is_http2:
            return GrpcConnection(
                self._router, self._limits, self._buffered, self._listener.lose, self._tally, self._gate
            )
        return HttpConnection(self._http_config, self._http_state, self._limits, self._listener.lose)
