"""What may be listened on: without authentication nothing is open beyond this machine, unless that is said plainly."""

import ipaddress
from collections.abc import Mapping

from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.settings import AuthSettings, TlsSettings

LOCAL = "localhost"
PEER = "peer"


def check_binding(auth: AuthSettings, tls: TlsSettings, hosts: Mapping[str, str]) -> list[str]:
    """Looks at the host of each listener, "ingress", "admin" and "peer", before anything listens.

    Returns what people should be warned of. Raises SecurityProblem.
    """
    if auth.certificates and tls.ingress.client_ca is None and tls.admin.client_ca is None:
        raise SecurityProblem(
            "auth.certificates: nobody is asked for one; set client_ca in [tls.ingress] or [tls.admin]"
        )
    speaks_tls = {"ingress": tls.ingress.is_on, "admin": tls.admin.is_on, PEER: tls.peer.is_on}
    warnings = []
    for listener, host in hosts.items():
        if is_loopback(host):
            continue
        # Peers show certificates: that is their authentication, and they have no other.
        authenticates = tls.peer.is_on if listener == PEER else auth.is_on
        if not authenticates and not auth.insecure:
            raise SecurityProblem(_refusal(listener, host))
        if not authenticates:
            warnings.append(f"insecure: whoever reaches the {listener} at {host} may do everything")
        elif not speaks_tls[listener]:
            warnings.append(
                f"the {listener} at {host} speaks in the clear, API keys and tokens too; set certificate and key in "
                f"[tls.{listener}], or put something before it that speaks TLS"
            )
    return warnings


def check_endpoint(host: str, *, authenticates: bool, insecure: bool) -> None:
    """Looks at the host of an endpoint, whose nodes sign their requests or show certificates.

    Raises SecurityProblem.
    """
    if not (is_loopback(host) or authenticates or insecure):
        raise SecurityProblem(
            f"the endpoint would listen on {host}, beyond this machine, and run handlers for everybody who connects; "
            "name the nodes with --accept-from or tls.serve.client_ca, listen on 127.0.0.1, or say --insecure"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host. A name other than localhost may stand for any address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == LOCAL


def _refusal(listener: str, host: str) -> str:
    if listener == PEER:
        setup = "set certificate, key and ca in [tls.peer]"
    else:
        setup = "set api_keys or jwt in [auth] (perdure keys new makes a key)"
    return (
        f"the {listener} would listen on {host}, beyond this machine, without authentication; {setup}, listen on "
        "127.0.0.1, or say --insecure to let everybody in"
    )
