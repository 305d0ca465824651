"""`perdure config`: the settings that hold, and where each one is from."""

from typing import Annotated

import typer

from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.options import ClusterOptions, NodeOptions

app = typer.Typer(help="The settings that hold, and where each one is from.")


@app.callback(invoke_without_command=True)
@unbundled
def config_command(
    context: typer.Context,
    node: NodeOptions,
    cluster: ClusterOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Print nothing but what is wrong.")] = False,
) -> None:
    """Print the settings of `perdure up` with these options, and where each one is from. Secrets are masked."""
    if context.invoked_subcommand is not None:
        return
    from perdure_runtime.cli import settings
    from perdure_runtime.cli.safety import check_addresses
    from perdure_runtime.config import showing

    effective = settings.of_up(node, cluster)
    if check:
        check_addresses(effective.settings)
        return
    if as_json:
        typer.echo(showing.json_text(effective))
    else:
        for line in showing.text_lines(effective):
            typer.echo(line)


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of perdure.toml, for editors."""
    from perdure_runtime.config import showing

    typer.echo(showing.schema_text())
