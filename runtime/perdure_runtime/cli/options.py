"""Options that several commands take."""

from typing import Annotated

import typer

INGRESS = "127.0.0.1:8080"
ADMIN = "127.0.0.1:8081"
ENDPOINT = "127.0.0.1:9080"

IngressOption = Annotated[str, typer.Option("--ingress", metavar="HOST:PORT", help="Where callers call.")]
AdminOption = Annotated[str, typer.Option("--admin", metavar="HOST:PORT", help="Where operators ask.")]
