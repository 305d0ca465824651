"""The admin port: `perdure.admin.v1` as gRPC and as JSON, and the web UI and metrics beside it."""

import ssl
from collections.abc import Sequence

from starlette.routing import BaseRoute
from uvicorn.server import ServerState

from perdure_runtime.admin.gate import AdminGate, Gated
from perdure_runtime.admin.grpc import router_for
from perdure_runtime.admin.http import http_app
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.grpc import GrpcConnection
from perdure_runtime.ingress.http.connection import HttpConnection, http_config
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.listener import Listener
from perdure_runtime.security.guard import Guard


class AdminServer:
    """Serves operators on one address."""

    def __init__(
        self,
        service: AdminService,
        host: str,
        port: int,
        *,
        reuse_port: bool = False,
        mounts: Sequence[BaseRoute] = (),
        tls: ssl.SSLContext | None = None,
        guard: Guard | None = None,
        public_metrics: bool = False,
        insecure: bool = False,
    ) -> None:
        """Serves ``service``, and ``mounts`` over HTTP/1.1; port 0 lets the system choose.

        With ``reuse_port`` other processes may serve the same address. Without a ``guard`` everybody may ask everything
        who asks this machine as localhost, or with ``insecure`` by whatever name.
        """
        self._limits = Limits()
        self._buffered = Buffered(self._limits.buffered_bytes)
        self._router = router_for(service.rpcs)
        self._gate = AdminGate(guard, public_metrics=public_metrics, insecure=insecure)
        app = http_app(service.rpcs, self._limits, self._buffered, mounts)
        self._http_config = http_config(Gated(app, self._gate, self._limits, self._buffered))
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
        """Lets nobody in any more, and waits so long for calls that run."""
        await self._listener.close(grace_s)

    def _connect(self, is_http2: bool) -> Connection:
        if is_http2:
            return GrpcConnection(self._router, self._limits, self._buffered, self._listener.lose, gate=self._gate)
        return HttpConnection(self._http_config, self._http_state, self._limits, self._listener.lose)
