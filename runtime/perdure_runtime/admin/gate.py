"""The gate before the admin port: every request of gRPC and HTTP passes it, the web UI's and Prometheus' too.

It finds out who asks. What each rpc takes is asked where the rpc is answered, whichever way leads to it.
"""

from collections.abc import Sequence
from typing import Any

from grpclib.const import Status

from perdure_runtime.ingress.gate import NOBODY, ORIGIN, authenticated, check_host, check_origin
from perdure_runtime.ingress.http.exchange import Application, Exchange, Receive, Send
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.guard import Forbidden, Guard, authorise_admin
from perdure_runtime.security.peer import Peer
from perdure_runtime.security.principal import ANYBODY, CALLER, Principal, Role

Headers = Sequence[tuple[bytes, bytes]]

HEALTH = "/health"
METRICS = "/metrics"
UI = "/ui"
LOGIN = "/ui/login"
# The pages' own files, and the way in.
OPEN_PREFIX = "/ui/static/"


class AdminGate:
    """Lets in who has a role, and everybody to what is open to all. Implements ``ingress.gate.Gate``."""

    def __init__(self, guard: Guard | None, *, public_metrics: bool = False, insecure: bool = False) -> None:
        """Without a ``guard`` everybody is let in who is at this machine, or with ``insecure`` everybody."""
        self._guard = guard
        self._insecure = insecure
        self._open = {HEALTH, LOGIN, METRICS} if public_metrics else {HEALTH, LOGIN}

    def admit(self, path: str, headers: Headers, peer: Peer) -> Principal:
        """Who asks. Raises Refusal."""
        named = dict(headers)
        host = named.get(b"host", b"").decode("latin-1")
        check_origin(named.get(ORIGIN), host)
        if self._guard is None:
            if not self._insecure and host:
                check_host(host)
            return ANYBODY
        try:
            principal = authenticated(self._guard, headers, peer, by_cookie=True)
        except Refusal:
            if path in self._open or path.startswith(OPEN_PREFIX):
                return NOBODY
            raise
        if principal.role is None and path not in self._open and not path.startswith(OPEN_PREFIX):
            raise Refusal(
                Status.PERMISSION_DENIED,
                f"{principal.name} has no role, and the admin API takes at least viewer; an administrator gives roles",
            )
        return principal


class Gated:
    """An ASGI application behind the gate."""

    def __init__(self, app: Application, gate: AdminGate, limits: Limits, buffered: Buffered) -> None:
        self._app = app
        self._gate = gate
        self._limits = limits
        self._buffered = buffered

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = Exchange(scope, receive, send, self._limits, self._buffered)
        path = exchange.raw_path.decode("latin-1")
        try:
            caller = self._gate.admit(path, exchange.headers, exchange.peer)
        except Refusal as refusal:
            if refusal.code is Status.UNAUTHENTICATED and _is_page(path, exchange):
                await exchange.answer(303, b"", b"text/plain", ((b"location", LOGIN.encode()),))
            else:
                await exchange.refuse(refusal)
            return
        CALLER.set(caller)
        scope["state"]["principal"] = caller
        await self._app(scope, receive, send)


def permit_rpc(rpc: str, least: Role) -> None:
    """Raises Refusal where the caller of this task has not the role that an rpc takes."""
    try:
        authorise_admin(CALLER.get(), rpc, least)
    except Forbidden as error:
        raise Refusal(Status.PERMISSION_DENIED, str(error)) from error


def _is_page(path: str, exchange: Exchange) -> bool:
    """Whether a person is at the other end, who can log in."""
    return (path == UI or path.startswith(f"{UI}/")) and b"text/html" in (exchange.header(b"accept") or b"")
