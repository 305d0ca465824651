"""The gate before a listener: every request of gRPC and of HTTP passes it, or is refused, before anything looks at it.

What it lets in says who asks from then on: ``security.principal.CALLER``.
"""

import ipaddress
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.guard import Forbidden, Guard, Unauthenticated, authorise_call
from perdure_runtime.security.peer import Peer
from perdure_runtime.security.principal import ANYBODY, CALLER, Principal

# Somebody who has not said who they are, and may ask what is open to all.
NOBODY = Principal("nobody")
# Whether the node serves: those who ask are load balancers.
HEALTH = frozenset({"/health", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"})
AWAKEABLES = "/awakeables/"
# Which site the page is of that asks: browsers say so with each POST.
ORIGIN = b"origin"
LOCAL = "localhost"
COMPLETIONS = frozenset(
    {"/perdure.ingress.v1.IngressService/ResolveAwakeable", "/perdure.ingress.v1.IngressService/RejectAwakeable"}
)


class Gate(Protocol):
    """Decides who comes in."""

    def admit(self, path: str, headers: Sequence[tuple[bytes, bytes]], peer: Peer) -> Principal:
        """Who asks for a path, which is as it came, with its percent-escapes. Raises Refusal."""


class OpenGate:
    """Lets everybody in but pages of other sites, who use the browser of somebody inside. Implements ``Gate``."""

    def __init__(self, *, local_names_only: bool = False) -> None:
        """``local_names_only`` is for a listener that only this machine reaches."""
        self._local_names_only = local_names_only

    def admit(self, path: str, headers: Sequence[tuple[bytes, bytes]], peer: Peer) -> Principal:
        """Anybody. Raises Refusal."""
        if any(name == ORIGIN for name, _ in headers):
            named = dict(headers)
            host = named.get(b"host", b"").decode("latin-1")
            check_origin(named[ORIGIN], host)
            if self._local_names_only:
                check_host(host)
        return ANYBODY


class IngressGate:
    """Lets in who is known, and everybody to what is open to all. Implements ``Gate``.

    Which services somebody may call is asked by the desk, who knows whose an invocation is.
    """

    def __init__(self, guard: Guard, *, public_awakeables: bool) -> None:
        self._guard = guard
        self._public_awakeables = public_awakeables

    def admit(self, path: str, headers: Sequence[tuple[bytes, bytes]], peer: Peer) -> Principal:
        """Who asks. Raises Refusal."""
        completes = path in COMPLETIONS or path.startswith(AWAKEABLES)
        try:
            principal = authenticated(self._guard, headers, peer)
        except Refusal:
            if path in HEALTH or (self._public_awakeables and completes):
                return NOBODY
            raise
        # Operators see the ids of awakeables: their way to complete them is the admin API, which knows their role.
        if completes and not principal.services and not self._public_awakeables:
            raise Refusal(
                Status.PERMISSION_DENIED,
                f"{principal.name} may call no services, and completes no awakeables here; ask at the admin API",
            )
        return principal


def authenticated(
    guard: Guard, headers: Sequence[tuple[bytes, bytes]], peer: Peer, *, by_cookie: bool = False
) -> Principal:
    """Who asks. Raises Refusal."""
    try:
        return guard.authenticate(headers, peer, by_cookie=by_cookie)
    except Unauthenticated as error:
        raise Refusal(Status.UNAUTHENTICATED, str(error)) from error


def check_origin(origin: bytes | None, host: str) -> None:
    """Raises Refusal where a browser says that a page of another site asks."""
    if origin is not None and origin.decode("latin-1").partition("://")[2] != host:
        raise Refusal(Status.PERMISSION_DENIED, "this was asked for by a page of another site; ask at the node's own")


def check_host(host: str) -> None:
    """Raises Refusal for another name than those of this machine.

    Without authentication a page of another site could ask, whose name was made to stand for this machine.
    """
    name = ""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ipaddress.ip_address(name)
    except ValueError:
        if name != LOCAL and not name.endswith(f".{LOCAL}"):
            raise Refusal(
                Status.PERMISSION_DENIED,
                f"without authentication this node is asked as localhost or by an IP address, not as {name[:100]!r}; "
                "set [auth], or say --insecure",
            ) from None


def permit_call(service: str) -> None:
    """Raises Refusal where the caller of this task may not call a service."""
    try:
        authorise_call(CALLER.get(), service)
    except Forbidden as error:
        raise Refusal(Status.PERMISSION_DENIED, str(error)) from error
