"""`perdure invocations`: what operators do with single invocations."""

from typing import Annotated

import typer

from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.options import ADMIN, AdminOption

# What the API can carry.
MOST_ENTRIES = 2**32 - 1

app = typer.Typer(no_args_is_help=True, help="Single invocations.")

InvocationId = Annotated[str, typer.Argument(metavar="INVOCATION_ID")]


@app.command("show")
def show_command(invocation_id: InvocationId, admin: AdminOption = ADMIN) -> None:
    """Show its status and its journal."""
    from perdure_runtime.cli import client

    client.show(parse_address("--admin", admin), invocation_id)


@app.command("pause")
def pause_command(invocation_id: InvocationId, admin: AdminOption = ADMIN) -> None:
    """Stop it where it is, until you resume it."""
    from perdure_runtime.cli import client

    client.pause(parse_address("--admin", admin), invocation_id)


@app.command("resume")
def resume_command(
    invocation_id: InvocationId,
    on_newest: Annotated[
        bool, typer.Option("--on-newest", help="With the newest deployment, not the one that wrote its journal.")
    ] = False,
    admin: AdminOption = ADMIN,
) -> None:
    """Try a paused invocation again."""
    from perdure_runtime.cli import client

    client.resume(parse_address("--admin", admin), invocation_id, on_newest=on_newest)


@app.command("cancel")
def cancel_command(invocation_id: InvocationId, admin: AdminOption = ADMIN) -> None:
    """Ask it to end, what it has called first. Handlers undo what they did."""
    from perdure_runtime.cli import client

    client.cancel(parse_address("--admin", admin), invocation_id)


@app.command("kill")
def kill_command(invocation_id: InvocationId, admin: AdminOption = ADMIN) -> None:
    """End it and what it has called at once. Nothing is undone."""
    from perdure_runtime.cli import client

    client.kill(parse_address("--admin", admin), invocation_id)


@app.command("restart")
def restart_command(
    invocation_id: InvocationId,
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
    admin: AdminOption = ADMIN,
) -> None:
    """Run an ended invocation again, as a new one."""
    from perdure_runtime.cli import client

    client.restart(parse_address("--admin", admin), invocation_id, from_entry)


@app.command("purge")
def purge_command(invocation_id: InvocationId, admin: AdminOption = ADMIN) -> None:
    """Forget an ended invocation now."""
    from perdure_runtime.cli import client

    client.purge(parse_address("--admin", admin), invocation_id)
