"""`perdure awakeables`: what handlers wait for from outside."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption

app = typer.Typer(no_args_is_help=True, help="Awakeables that handlers wait for.")

AwakeableId = Annotated[str, typer.Argument(metavar="AWAKEABLE_ID", help="As `list` shows it.")]


@app.command("list")
@unbundled
def list_command(
    connection: Connection,
    service: Annotated[
        str, typer.Option("--service", metavar="SERVICE", autocompletion=completing.services, help="Of this service.")
    ] = "",
    invocation: Annotated[
        str,
        typer.Option(
            "--invocation", metavar="INVOCATION_ID", autocompletion=completing.invocations, help="Of this invocation."
        ),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many at most; 0 for all.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List those that have no result yet."""
    from perdure_runtime.cli.asking import awakeables

    awakeables.print_all(connection, service, invocation, limit, as_json=as_json)


@app.command("resolve")
@unbundled
def resolve_command(
    awakeable_id: AwakeableId,
    value: Annotated[
        str, typer.Argument(metavar="JSON", help="Its message; @FILE reads a file, - the standard input.")
    ],
    connection: Connection,
) -> None:
    """Give an awakeable its message."""
    from perdure_runtime.cli.asking import completion

    completion.resolve_awakeable(connection, awakeable_id, value)


@app.command("reject")
@unbundled
def reject_command(
    awakeable_id: AwakeableId,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Of the terminal error.")],
    connection: Connection,
) -> None:
    """Give an awakeable a terminal error."""
    from perdure_runtime.cli.asking import completion

    completion.reject_awakeable(connection, awakeable_id, message)
