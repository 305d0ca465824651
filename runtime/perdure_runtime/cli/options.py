"""Options that several commands take.

Those of a node stand for settings: what is left out is as the environment, the file or the defaults say.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from perdure_runtime.cli.retry import EXAMPLE

INGRESS = "127.0.0.1:8080"
ADMIN = "127.0.0.1:8081"

AdminOption = Annotated[str, typer.Option("--admin", metavar="HOST:PORT", help="Where operators ask.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The settings.  [default: perdure.toml, where there is one]"),
]


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What `perdure dev` and `perdure up` take."""

    config: ConfigOption = None
    ingress: Annotated[
        str | None,
        typer.Option("--ingress", metavar="HOST:PORT", help=f"Where callers call.  [default: {INGRESS}]"),
    ] = None
    admin: Annotated[
        str | None,
        typer.Option("--admin", metavar="HOST:PORT", help=f"Where operators ask.  [default: {ADMIN}]"),
    ] = None
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Directory of the database.  [default: perdure-data; for dev .perdure]"),
    ] = None
    retry: Annotated[
        str,
        typer.Option(
            "--retry",
            metavar="SETTINGS",
            help=f"How invocations are tried again whose contract says nothing about it, such as {EXAMPLE}",
        ),
    ] = ""
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", help="Listen beyond this machine without authentication: who reaches it may do all."
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What `perdure up` takes beside: a node among others."""

    storage: Annotated[
        list[str] | None,
        typer.Option(
            "--storage",
            metavar="URL",
            # A password on a command line is for all to see who may list processes.
            help="A PostgreSQL database, as postgresql://USER@HOST:PORT/DATABASE, instead of an SQLite file in --data. "
            "Several share the work; name them in the same order ever after.  [env: PERDURE_STORAGE]",
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="How many processes share the work and the addresses.  [default: 1]"),
    ] = None
    peer: Annotated[
        str | None,
        typer.Option(
            "--peer",
            metavar="HOST:PORT",
            help="Where the other nodes of the database connect.  [default: 127.0.0.1:0]",
        ),
    ] = None
    advertise: Annotated[
        str | None,
        typer.Option("--advertise", metavar="HOST:PORT", help="What the other nodes are told instead of --peer."),
    ] = None
    lease: Annotated[
        str | None,
        typer.Option(
            "--lease",
            metavar="SECONDS",
            help="The work of a node that is silent for so long goes on at others.  [default: 5]",
        ),
    ] = None
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", help="Into how many parts a new database divides its work.  [default: 64]"),
    ] = None
