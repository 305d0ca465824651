"""What the settings say about security, as the parts of a node take it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from perdure import UsageError

from perdure_runtime.cli.problem import Problem
from perdure_runtime.config.settings import Settings
from perdure_runtime.invoker.remote import Remote
from perdure_runtime.peer.tcp import Tcp
from perdure_runtime.security.binding import check_binding
from perdure_runtime.security.guard import Guard
from perdure_runtime.security.signing import Signer
from perdure_runtime.security.tls import connection_context, listener_context, peer_contexts


@dataclass(frozen=True, slots=True)
class Safety:
    """Who is let in, and how connections are made; None where nobody is asked, or it is spoken in the clear."""

    guard: Guard | None
    ingress: ssl.SSLContext | None
    admin: ssl.SSLContext | None
    endpoints: Remote
    peers: Tcp

    @staticmethod
    def of(settings: Settings) -> "Safety":
        """Reads the files that the settings name. Raises Problem."""
        with problems():
            return Safety(
                guard=Guard.of(settings.auth),
                ingress=listener_context(settings.tls.ingress),
                admin=listener_context(settings.tls.admin),
                endpoints=Remote(connection_context(settings.tls.endpoint), Signer.load(settings.signing)),
                peers=Tcp(peer_contexts(settings.tls.peer)),
            )


def check_addresses(settings: Settings) -> None:
    """Before anything listens: warns of what is open to others. Raises Problem where nobody would be asked."""
    hosts = {"ingress": settings.ingress.listen[0], "admin": settings.admin.listen[0]}
    if settings.storage.urls or settings.cluster.workers > 1:
        hosts["peer"] = settings.cluster.peer[0]
    with problems():
        for warning in check_binding(settings.auth, settings.tls, hosts):
            typer.echo(f"perdure: {warning}", err=True)


@contextmanager
def problems() -> Iterator[None]:
    """What is wrong with security is a problem of the command."""
    try:
        yield
    except UsageError as error:
        raise Problem(str(error)) from error
