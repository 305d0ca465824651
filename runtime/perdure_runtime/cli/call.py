"""`perdure call`: any handler by its name, with JSON."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import DEFAULT_INGRESS, Connection, IngressOption


@unbundled
def call_command(
    handler: Annotated[
        str,
        typer.Argument(
            metavar="SERVICE/METHOD",
            autocompletion=completing.handlers,
            help="Such as shop.v1.OrderService/Process; the package may be left out.",
        ),
    ],
    connection: Connection,
    request: Annotated[
        str,
        typer.Argument(
            metavar="JSON",
            autocompletion=completing.requests,
            help="The request; @FILE reads a file, - the standard input.",
        ),
    ] = "{}",
    key: Annotated[
        str, typer.Option("--key", help="Of the object or workflow, for the key field of the request.")
    ] = "",
    idempotency_key: Annotated[
        str, typer.Option("--idempotency-key", metavar="KEY", help="Calls with the same one are one invocation.")
    ] = "",
    send: Annotated[bool, typer.Option("--send", help="Do not wait for the answer; print the invocation.")] = False,
    delay: Annotated[str, typer.Option("--delay", metavar="DURATION", help="Send it, to start after so long.")] = "",
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="Give up waiting after so long; it goes on.")
    ] = "",
    ingress: IngressOption = DEFAULT_INGRESS,
) -> None:
    """Call a handler through the ingress, and print its answer as JSON."""
    from perdure_runtime.cli.asking import calling

    wishes = calling.Wishes(key, idempotency_key, send, delay, timeout)
    calling.run(connection, ingress, handler, request, wishes)
