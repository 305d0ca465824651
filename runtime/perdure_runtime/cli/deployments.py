"""`perdure deployments`: registered endpoints."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption

app = typer.Typer(no_args_is_help=True, help="Registered endpoints.")

Address = Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the endpoint serves.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it though it breaks what is there.")]
DeploymentId = Annotated[
    str, typer.Argument(metavar="DEPLOYMENT_ID", autocompletion=completing.deployments, help="As `list` shows it.")
]


@app.command("register")
@unbundled
def register_command(
    connection: Connection,
    addresses: Annotated[
        list[str], typer.Argument(metavar="HOST:PORT ...", help="Where each process of the endpoint serves.")
    ],
    force: ForceOption = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Replay journals on it first, and refuse it where it does not repeat them.")
    ] = False,
) -> None:
    """Send the new invocations of an endpoint's services to it."""
    from perdure_runtime.cli.asking import deployments

    for address in addresses:
        parse_address("ADDRESS", address)
    deployments.register(connection, addresses, force=force, verify=verify)


@app.command("join")
@unbundled
def join_command(connection: Connection, deployment_id: DeploymentId, address: Address) -> None:
    """Add a process to a deployment; they share its work."""
    from perdure_runtime.cli.asking import deployments

    parse_address("ADDRESS", address)
    deployments.join(connection, deployment_id, address)


@app.command("leave")
@unbundled
def leave_command(connection: Connection, deployment_id: DeploymentId, address: Address) -> None:
    """Take a process out of a deployment; the others start again what it runs."""
    from perdure_runtime.cli.asking import deployments

    deployments.leave(connection, deployment_id, address)


@app.command("list")
@unbundled
def list_command(connection: Connection, as_json: JsonOption = False) -> None:
    """List deployments, oldest first."""
    from perdure_runtime.cli.asking import deployments

    deployments.print_all(connection, as_json=as_json)


@app.command("remove")
@unbundled
def remove_command(connection: Connection, deployment_id: DeploymentId, force: ForceOption = False) -> None:
    """Send nothing to a deployment any more. Refused while it has work."""
    from perdure_runtime.cli.asking import deployments

    deployments.remove(connection, deployment_id, force=force)


@app.command("verify")
@unbundled
def verify_command(
    connection: Connection,
    address: Address,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many invocations to replay; 0 for 100.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Replay journals on an endpoint, without side effects, and show what it does not repeat."""
    from perdure_runtime.cli.asking import deployments

    parse_address("ADDRESS", address)
    deployments.verify(connection, address, limit, as_json=as_json)
