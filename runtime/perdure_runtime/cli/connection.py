"""How commands reach a node: the options that all of them take."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from perdure_runtime.cli.options import ADMIN, INGRESS

# An API key on a command line is for all to see who may list processes; it is taken for those who are alone.
ApiKeyOption = Annotated[
    str,
    typer.Option("--api-key", metavar="KEY", envvar="PERDURE_KEY", show_default=False, help="The API key to ask with."),
]
ApiKeyFileOption = Annotated[
    Path | None, typer.Option("--api-key-file", metavar="FILE", help="A file that holds the API key.")
]
TlsOption = Annotated[bool, typer.Option("--tls", help="Connect with TLS; the system's authorities are trusted.")]
CaOption = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="Connect with TLS, and trust these authorities (PEM).")
]
CertOption = Annotated[
    Path | None, typer.Option("--cert", metavar="FILE", help="The certificate to show to the node (PEM).")
]
CertKeyOption = Annotated[
    Path | None, typer.Option("--cert-key", metavar="FILE", help="The private key of --cert (PEM).")
]


@dataclass(frozen=True, slots=True)
class Connection:
    """The admin API of a node, and who asks."""

    admin: Annotated[
        str, typer.Option("--admin", metavar="HOST:PORT", envvar="PERDURE_ADMIN", help="Where operators ask.")
    ] = ADMIN
    api_key: ApiKeyOption = ""
    api_key_file: ApiKeyFileOption = None
    tls: TlsOption = False
    ca: CaOption = None
    cert: CertOption = None
    cert_key: CertKeyOption = None


def read_connection(options: Mapping[str, object]) -> Connection:
    """What a command was told so far, where a shell completes it: what it was not is as it would be."""
    names = {field.name for field in fields(Connection)}
    given: dict[str, Any] = {name: value for name, value in options.items() if name in names and value is not None}
    return Connection(**given)


IngressOption = Annotated[
    str, typer.Option("--ingress", metavar="HOST:PORT", envvar="PERDURE_INGRESS", help="Where callers call.")
]
DEFAULT_INGRESS = INGRESS

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
