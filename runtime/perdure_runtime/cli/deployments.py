"""`perdure deployments`: registered endpoints."""

from typing import Annotated

import typer

from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.options import ADMIN, AdminOption

app = typer.Typer(no_args_is_help=True, help="Registered endpoints.")

Address = Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the endpoint serves.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it though it breaks what is there.")]


DeploymentId = Annotated[str, typer.Argument(metavar="DEPLOYMENT_ID")]


@app.command("register")
def register_command(
    addresses: Annotated[
        list[str], typer.Argument(metavar="HOST:PORT ...", help="Where each process of the endpoint serves.")
    ],
    force: ForceOption = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Replay journals on it first, and refuse it where it does not repeat them.")
    ] = False,
    admin: AdminOption = ADMIN,
) -> None:
    """Send the new invocations of an endpoint's services to it."""
    from perdure_runtime.cli import client

    for address in addresses:
        parse_address("ADDRESS", address)
    client.register(parse_address("--admin", admin), addresses, force=force, verify=verify)


@app.command("join")
def join_command(deployment_id: DeploymentId, address: Address, admin: AdminOption = ADMIN) -> None:
    """Add a process to a deployment; they share its work."""
    from perdure_runtime.cli import client

    parse_address("ADDRESS", address)
    client.join(parse_address("--admin", admin), deployment_id, address)


@app.command("leave")
def leave_command(deployment_id: DeploymentId, address: Address, admin: AdminOption = ADMIN) -> None:
    """Take a process out of a deployment; the others start again what it runs."""
    from perdure_runtime.cli import client

    client.leave(parse_address("--admin", admin), deployment_id, address)


@app.command("list")
def list_command(admin: AdminOption = ADMIN) -> None:
    """List deployments, oldest first."""
    from perdure_runtime.cli import client

    client.list_deployments(parse_address("--admin", admin))


@app.command("remove")
def remove_command(
    deployment_id: DeploymentId,
    force: ForceOption = False,
    admin: AdminOption = ADMIN,
) -> None:
    """Send nothing to a deployment any more. Refused while it has work."""
    from perdure_runtime.cli import client

    client.remove_deployment(parse_address("--admin", admin), deployment_id, force=force)


@app.command("verify")
def verify_command(
    address: Address,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many invocations to replay; 0 for 100.")] = 0,
    admin: AdminOption = ADMIN,
) -> None:
    """Replay journals on an endpoint, without side effects, and show what it does not repeat."""
    from perdure_runtime.cli import client

    parse_address("ADDRESS", address)
    client.verify(parse_address("--admin", admin), address, limit)
