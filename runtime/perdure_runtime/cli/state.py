"""`perdure state`: what objects and workflows keep."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption, YesOption

app = typer.Typer(no_args_is_help=True, help="State of objects and workflows.")

ServiceName = Annotated[
    str, typer.Argument(metavar="SERVICE", autocompletion=completing.services, help="Such as shop.v1.UserAccount.")
]
Key = Annotated[str, typer.Argument(metavar="KEY", autocompletion=completing.keys, help="Of the object or workflow.")]


@app.command("keys")
@unbundled
def keys_command(
    service: ServiceName,
    connection: Connection,
    prefix: Annotated[str, typer.Option("--prefix", help="Only keys that begin with this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many at most; 0 for all.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the keys that have state."""
    from perdure_runtime.cli.asking import state

    state.print_keys(connection, service, prefix, limit, as_json=as_json)


@app.command("get")
@unbundled
def get_command(service: ServiceName, key: Key, connection: Connection, as_json: JsonOption = False) -> None:
    """Show the state of a key, who has the key, and who waits for it."""
    from perdure_runtime.cli.asking import state

    state.print_one(connection, service, key, as_json=as_json)


@app.command("edit")
@unbundled
def edit_command(
    service: ServiceName,
    key: Key,
    connection: Connection,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=JSON", show_default=False, help="Set a field of the state message."),
    ] = None,
    clears: Annotated[
        list[str] | None, typer.Option("--clear", metavar="FIELD", show_default=False, help="Clear a field.")
    ] = None,
    version: Annotated[
        str,
        typer.Option("--version", metavar="VERSION", help="Only where the state still is of it, as `get` shows it."),
    ] = "",
) -> None:
    """Change the state of a key, in $EDITOR or by --set and --clear."""
    from perdure_runtime.cli.asking import editing

    if sets or clears:
        editing.edit_fields(connection, service, key, sets or [], clears or [], version)
    else:
        editing.edit_by_hand(connection, service, key, version)


@app.command("clear")
@unbundled
def clear_command(service: ServiceName, key: Key, connection: Connection, yes: YesOption = False) -> None:
    """Clear all state of a key."""
    from perdure_runtime.cli.asking import editing

    editing.clear(connection, service, key, yes=yes)
