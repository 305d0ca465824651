"""`perdure keys`: API keys of callers and operators, and the key that a node signs with."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="API keys, and keys to sign with.")


class RoleName(StrEnum):
    """What an operator may do, as the configuration names it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@app.command("new")
def new_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    role: Annotated[
        RoleName | None, typer.Option("--role", show_default=False, help="What it may ask of the admin API.")
    ] = None,
    services: Annotated[
        list[str] | None,
        typer.Option(
            "--service", metavar="PATTERN", show_default=False, help="What it may call, such as shop.v1.*; repeat it."
        ),
    ] = None,
) -> None:
    """Make an API key: print it once, and the lines with its hash for the configuration."""
    from perdure_runtime.cli import minting

    minting.new_api_key(name, role.value if role is not None else None, services or [])


@app.command("signing")
def signing_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes, for the nodes alone.")],
) -> None:
    """Make the key that nodes sign their requests to endpoints with, and print its public part for the endpoints."""
    from perdure_runtime.cli import minting

    minting.new_signing_key_file(file)
