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
StorageOption = Annotated[
    str,
    typer.Option(
        "--storage",
        metavar="URL",
        # A password on a command line is for all to see who may list processes.
        envvar="PERDURE_STORAGE",
        help="A PostgreSQL database, as postgresql://USER@HOST:PORT/DATABASE, instead of an SQLite file in --data.",
    ),
]
AdminOption = Annotated[str, typer.Option("--admin", metavar="HOST:PORT", help="Where operators ask.")]
