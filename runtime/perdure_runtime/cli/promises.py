"""`perdure promises`: completing what workflows wait for."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection

app = typer.Typer(no_args_is_help=True, help="Durable promises of workflows; `perdure state get` shows them.")

Workflow = Annotated[
    str, typer.Argument(metavar="SERVICE", autocompletion=completing.services, help="Such as shop.v1.Signup.")
]
Key = Annotated[str, typer.Argument(metavar="KEY", autocompletion=completing.keys, help="Id of the workflow.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the promise, as the contract has it.")]


@app.command("resolve")
@unbundled
def resolve_command(
    service: Workflow,
    key: Key,
    name: Name,
    value: Annotated[
        str, typer.Argument(metavar="JSON", help="Its message; @FILE reads a file, - the standard input.")
    ],
    connection: Connection,
) -> None:
    """Give a promise its message."""
    from perdure_runtime.cli.asking import completion

    completion.resolve_promise(connection, service, key, name, value)


@app.command("reject")
@unbundled
def reject_command(
    service: Workflow,
    key: Key,
    name: Name,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Of the terminal error.")],
    connection: Connection,
) -> None:
    """Give a promise a terminal error."""
    from perdure_runtime.cli.asking import completion

    completion.reject_promise(connection, service, key, name, message)
