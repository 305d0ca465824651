"""`perdure invocations`: finding them, looking at one, and what operators do to one or many."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.choice import Choice
from perdure_runtime.cli.connection import Connection, JsonOption, YesOption
from perdure_runtime.cli.problem import Problem

# What the API can carry.
MOST_ENTRIES = 2**32 - 1

app = typer.Typer(no_args_is_help=True, help="Find invocations, look at one, and act on one or many.")

InvocationId = Annotated[str, typer.Argument(metavar="INVOCATION_ID", autocompletion=completing.invocations)]
InvocationIds = Annotated[
    list[str] | None, typer.Argument(metavar="[INVOCATION_ID ...]", autocompletion=completing.invocations)
]
AllOption = Annotated[bool, typer.Option("--all", help="Do it to all invocations that are in a status for it.")]


@app.command("list")
@unbundled
def list_command(
    choice: Choice,
    connection: Connection,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many at most; 0 for all.")] = 50,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="The oldest first, not the newest.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on: print a line for each that comes or changes, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List invocations, the newest first."""
    from perdure_runtime.cli.asking import following, invocations

    if follow:
        following.follow(connection, choice, as_json=as_json)
    invocations.print_list(connection, choice, limit, oldest_first=oldest_first, as_json=as_json)


@app.command("show")
@unbundled
def show_command(invocation_id: InvocationId, connection: Connection, as_json: JsonOption = False) -> None:
    """Show all that is known of it, and its journal."""
    from perdure_runtime.cli.asking import invocations

    invocations.print_one(connection, invocation_id, as_json=as_json)


@app.command("tree")
@unbundled
def tree_command(invocation_id: InvocationId, connection: Connection, as_json: JsonOption = False) -> None:
    """Show what it has called, and what that has."""
    from perdure_runtime.cli.asking import invocations

    invocations.print_tree(connection, invocation_id, as_json=as_json)


@app.command("pause")
@unbundled
def pause_command(
    choice: Choice,
    connection: Connection,
    ids: InvocationIds = None,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Stop invocations where they are, until you resume them."""
    from perdure_runtime.cli.asking.acting import act, pausing

    act(connection, pausing(), ids or [], choice, everything=everything, yes=yes)


@app.command("resume")
@unbundled
def resume_command(
    choice: Choice,
    connection: Connection,
    ids: InvocationIds = None,
    on_newest: Annotated[
        bool, typer.Option("--on-newest", help="With the newest deployment, not the one that wrote its journal.")
    ] = False,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Try paused invocations again."""
    from perdure_runtime.cli.asking.acting import act, resuming

    act(connection, resuming(on_newest=on_newest), ids or [], choice, everything=everything, yes=yes)


@app.command("cancel")
@unbundled
def cancel_command(
    choice: Choice,
    connection: Connection,
    ids: InvocationIds = None,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Ask invocations to end, what they have called first. Handlers undo what they did."""
    from perdure_runtime.cli.asking.acting import act, cancelling

    act(connection, cancelling(), ids or [], choice, everything=everything, yes=yes)


@app.command("kill")
@unbundled
def kill_command(
    choice: Choice,
    connection: Connection,
    ids: InvocationIds = None,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """End invocations and what they have called at once. Nothing is undone."""
    from perdure_runtime.cli.asking.acting import act, killing

    act(connection, killing(), ids or [], choice, everything=everything, yes=yes)


@app.command("restart")
@unbundled
def restart_command(
    choice: Choice,
    connection: Connection,
    ids: InvocationIds = None,
    from_entry: Annotated[
        int,
        typer.Option(
            "--from-entry",
            metavar="N",
            min=0,
            max=MOST_ENTRIES,
            help="Run again from this command of the journal, as `show` numbers it; what stands before is kept.",
        ),
    ] = 0,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Run ended invocations again, as new ones."""
    from perdure_runtime.cli.asking.acting import act, restarting

    if from_entry and not ids:
        raise Problem("--from-entry: journals differ, so name the invocations by their ids")
    act(connection, restarting(from_entry), ids or [], choice, everything=everything, yes=yes)


@app.command("purge")
@unbundled
def purge_command(
    choice: Choice,
    connection: Connection,
    ids: InvocationIds = None,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Forget ended invocations now."""
    from perdure_runtime.cli.asking.acting import act, purging

    act(connection, purging(), ids or [], choice, everything=everything, yes=yes)
