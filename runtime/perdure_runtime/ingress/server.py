"""The ingress: one port for gRPC and JSON."""

from uvicorn.server import ServerState

from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.grpc import GrpcConnection, router_for
from perdure_runtime.ingress.http.app import App
from perdure_runtime.ingress.http.connection import HttpConnection, http_config
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.listener import Listener
from perdure_runtime.ingress.port import Invocations


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
    ) -> None:
        """Serves what ``invocations`` knows; port 0 lets the system choose.

        With ``reuse_port`` other processes may serve the same address.
        """
        self._limits = Limits() if limits is None else limits
        self._buffered = Buffered(self._limits.buffered_bytes)
        desk = Desk(invocations)
        self._router = router_for(desk)
        self._http_config = http_config(App(desk, self._limits, self._buffered))
        self._http_state = ServerState()
        self._listener = Listener(host, port, self._connect, self._limits.greeting_s, reuse_port=reuse_port)

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

    def _connect(self, is_http2: bool) -> Connection:
        if is_http2:
            return GrpcConnection(self._router, self._limits, self._buffered, self._listener.lose)
        return HttpConnection(self._http_config, self._http_state, self._limits, self._listener.lose)
