"""`perdure services`: what is served, and how operators have it treated."""

from dataclasses import dataclass
from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption
from perdure_runtime.cli.retry import EXAMPLE

app = typer.Typer(no_args_is_help=True, help="Services, their handlers and settings.")

ServiceName = Annotated[
    str, typer.Argument(metavar="SERVICE", autocompletion=completing.services, help="Such as shop.v1.OrderService.")
]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is set from now on; what is left out stays as it is."""

    public: Annotated[
        bool | None,
        typer.Option(
            "--public/--private", show_default=False, help="Callable through the ingress, or only by handlers."
        ),
    ] = None
    idempotency_retention: Annotated[
        str, typer.Option("--idempotency-retention", metavar="DURATION", help="How long outcomes are kept.")
    ] = ""
    journal_retention: Annotated[
        str, typer.Option("--journal-retention", metavar="DURATION", help="How long journals are kept.")
    ] = ""
    inactivity_timeout: Annotated[
        str,
        typer.Option("--inactivity-timeout", metavar="DURATION", help="When an attempt that waits is suspended."),
    ] = ""
    abort_timeout: Annotated[
        str,
        typer.Option("--abort-timeout", metavar="DURATION", help="When one that does not suspend is ended."),
    ] = ""
    retry: Annotated[
        str, typer.Option("--retry", metavar="SETTINGS", help=f"How invocations are tried again, such as {EXAMPLE}")
    ] = ""


@app.command("list")
@unbundled
def list_command(connection: Connection, as_json: JsonOption = False) -> None:
    """List services."""
    from perdure_runtime.cli.asking import services

    services.print_all(connection, as_json=as_json)


@app.command("show")
@unbundled
def show_command(service: ServiceName, connection: Connection, as_json: JsonOption = False) -> None:
    """Show a service with its handlers and settings."""
    from perdure_runtime.cli.asking import services

    services.print_one(connection, service, as_json=as_json)


@app.command("set")
@unbundled
def set_command(service: ServiceName, changes: Changes, connection: Connection) -> None:
    """Set how a service is treated, in place of what its contract says."""
    from perdure_runtime.cli.asking import services

    services.change(connection, service, changes)


@app.command("clear-settings")
@unbundled
def clear_settings_command(service: ServiceName, connection: Connection) -> None:
    """Let a service be treated as its contract says again."""
    from perdure_runtime.cli.asking import services

    services.clear(connection, service)
