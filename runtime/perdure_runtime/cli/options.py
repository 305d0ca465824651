"""Options that several commands take."""

from typing import Annotated

import typer

from perdure_runtime.cli.retry import EXAMPLE

INGRESS = "127.0.0.1:8080"
ADMIN = "127.0.0.1:8081"
ENDPOINT = "127.0.0.1:9080"

IngressOption = Annotated[str, typer.Option("--ingress", metavar="HOST:PORT", help="Where callers call.")]
RetryOption = Annotated[
    str,
    typer.Option(
        "--retry",
        metavar="SETTINGS",
        help=f"How invocations are tried again whose contract says nothing about it, such as {EXAMPLE}",
    ),
]
AdminOption = Annotated[str, typer.Option("--admin", metavar="HOST:PORT", help="Where operators ask.")]

# `perdure up` alone.
StorageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--storage",
        metavar="URL",
        # A password on a command line is for all to see who may list processes.
        envvar="PERDURE_STORAGE",
        help="A PostgreSQL database, as postgresql://USER@HOST:PORT/DATABASE, instead of an SQLite file in --data. "
        "Several share the work; name them in the same order ever after.",
    ),
]
WorkersOption = Annotated[int, typer.Option("--workers", help="How many processes share the work and the addresses.")]
PeerOption = Annotated[
    str,
    typer.Option(
        "--peer", metavar="HOST:PORT", help="Where the other nodes of the database connect.  [default: 127.0.0.1:0]"
    ),
]
AdvertiseOption = Annotated[
    str,
    typer.Option("--advertise", metavar="HOST:PORT", help="What the other nodes are told instead of --peer."),
]
LeaseOption = Annotated[
    float | None,
    typer.Option(
        "--lease",
        metavar="SECONDS",
        help="The work of a node that is silent for so long goes on at others.  [default: 5]",
    ),
]
PartitionsOption = Annotated[
    int | None,
    typer.Option("--partitions", help="Into how many parts a new database divides its work.  [default: 64]"),
]
