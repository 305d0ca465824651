"""The contexts of TLS that the settings ask for, of all listeners and connections of a node."""

import ssl
from dataclasses import dataclass

from perdure import UsageError
from perdure.tls import Tls

from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.settings import ConnectionTls, ListenerTls, PeerTls


@dataclass(frozen=True, slots=True)
class PeerContexts:
    """TLS among nodes: how peers are let in, and how they are connected to."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def listener_context(settings: ListenerTls) -> ssl.SSLContext | None:
    """How callers are let in; None in the clear. Raises SecurityProblem."""
    if not settings.is_on:
        return None
    try:
        return Tls(settings.certificate, settings.key, settings.client_ca).server_context()
    except UsageError as error:
        raise SecurityProblem(str(error)) from error


def endpoint_tls(settings: ListenerTls) -> Tls | None:
    """How an endpoint lets nodes in; None in the clear."""
    return Tls(settings.certificate, settings.key, settings.client_ca) if settings.is_on else None


def connection_context(settings: ConnectionTls) -> ssl.SSLContext | None:
    """How endpoints are connected to; None in the clear. Raises SecurityProblem."""
    if not settings.is_on:
        return None
    try:
        return Tls(settings.certificate, settings.key, settings.ca, settings.server_name).client_context()
    except UsageError as error:
        raise SecurityProblem(str(error)) from error


def peer_contexts(settings: PeerTls) -> PeerContexts | None:
    """How nodes reach each other; None in the clear. Raises SecurityProblem."""
    if not settings.is_on:
        return None
    tls = Tls(settings.certificate, settings.key, settings.ca, settings.server_name)
    try:
        return PeerContexts(tls.server_context(), tls.client_context())
    except UsageError as error:
        raise SecurityProblem(str(error)) from error
