"""The commands of `perdure`, and what becomes of their errors.

Each command imports what it runs: an endpoint's process need not load a node, nor an operator's question either.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from perdure_runtime.cli import (
    awakeables,
    backup,
    call,
    cluster,
    config,
    definitions,
    deployments,
    doctor,
    invocations,
    keys,
    promises,
    query,
    services,
    state,
)
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.ending import run
from perdure_runtime.cli.load import load_endpoint
from perdure_runtime.cli.options import ClusterOptions, ConfigOption, NodeOptions
from perdure_runtime.cli.problem import Problem

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

EndpointPath = Annotated[str, typer.Argument(metavar="MODULE:ATTRIBUTE", help="Where your perdure.Endpoint is.")]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"perdure {version('perdure')}")
        raise typer.Exit


@app.callback()
def perdure_command(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Durable execution for Python microservices."""


@app.command("dev")
@unbundled
def dev_command(
    endpoint: EndpointPath,
    node: NodeOptions,
    reload: Annotated[
        bool | None,
        typer.Option("--reload/--no-reload", help="Start again when code is saved.  [default: reload]"),
    ] = None,
) -> None:
    """Run a runtime node and your handlers in one process."""
    from perdure_runtime.cli import dev, settings

    dev.run(endpoint, settings.of_dev(node, {("dev", "reload"): reload}).settings)


@app.command("up")
@unbundled
def up_command(node: NodeOptions, cluster: ClusterOptions) -> None:
    """Run a runtime node, alone or among others. Register your endpoints with it."""
    from perdure_runtime.cli import settings, up

    up.run(settings.of_up(node, cluster).settings)


@app.command("worker", hidden=True)
def worker_command() -> None:
    """Run one of the workers of `perdure up --workers`, as its supervisor says."""
    from perdure_runtime.cli import worker

    worker.run()


@app.command("serve")
def serve_command(
    endpoint: EndpointPath,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Where runtime nodes connect.  [default: 127.0.0.1:9080]"),
    ] = None,
    accept_from: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-from",
            metavar="KEY",
            show_default=False,
            help="A public key that `perdure keys signing` has printed: what no such key has signed is refused. "
            "Repeat it.",
        ),
    ] = None,
    known_as: Annotated[
        list[str] | None,
        typer.Option(
            "--known-as",
            metavar="HOST:PORT",
            show_default=False,
            help="How nodes know this endpoint: what is signed for another one is refused. Repeat it.",
        ),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine, and run handlers for whoever connects.")
    ] = False,
    settings_file: ConfigOption = None,
) -> None:
    """Serve your handlers to runtime nodes."""
    from perdure_runtime.cli import serve, settings

    flags: dict[tuple[str, ...], object] = {
        ("endpoint", "listen"): listen,
        ("signing", "accept_from"): accept_from or None,
        ("signing", "known_as"): known_as or None,
        ("auth", "insecure"): insecure or None,
    }
    effective = settings.read(flags, settings_file)
    serve.run(load_endpoint(endpoint), effective.settings)


@app.command("generate")
def generate_command(
    protos: Annotated[Path, typer.Argument(help="Root directory of your .proto files.")],
    out: Annotated[Path, typer.Option("--out", help="Where the Python packages go.")] = Path("generated"),
) -> None:
    """Generate Python from your contracts, as `buf generate` does with protoc-gen-perdure."""
    from perdure_codegen.generate import GenerationFailed, generate

    try:
        files = generate(protos, out)
    except GenerationFailed as error:
        raise Problem(str(error)) from error
    for file in files:
        typer.echo(f"wrote {file}")


@app.command("new")
def new_command(
    path: Annotated[Path, typer.Argument(metavar="NAME", help="Of the project and its new directory.")],
) -> None:
    """Make a project that runs at once: contract, handlers, tests."""
    from perdure_runtime.cli import new

    new.run(path)


@app.command("protos")
def protos_command(
    out: Annotated[Path, typer.Argument(help="Root directory of your .proto files.")] = Path("protos"),
) -> None:
    """Put perdure/v1/annotations.proto beside your contracts, where buf and editors find it."""
    from perdure_codegen.generate import bundled

    annotations = Path("perdure/v1/annotations.proto")
    try:
        (out / annotations).parent.mkdir(parents=True, exist_ok=True)
        (out / annotations).write_bytes((bundled() / annotations).read_bytes())
    except OSError as error:
        raise Problem(f"cannot write {out / annotations}: {error.strerror or error}") from error
    typer.echo(f"wrote {out / annotations}")


app.command("call")(call.call_command)
app.add_typer(invocations.app, name="invocations")
app.add_typer(config.app, name="config")
app.add_typer(deployments.app, name="deployments")
app.add_typer(services.app, name="services")
app.add_typer(state.app, name="state")
app.add_typer(promises.app, name="promises")
app.add_typer(awakeables.app, name="awakeables")
app.add_typer(definitions.subscriptions, name="subscriptions")
app.add_typer(definitions.schedules, name="schedules")
app.command("sql")(query.sql_command)
app.command("nodes")(cluster.nodes_command)
app.command("doctor")(doctor.doctor_command)
app.command("backup")(backup.backup_command)
app.command("restore")(backup.restore_command)
app.add_typer(keys.app, name="keys")


def main() -> None:
    """The console script: a problem is one sentence, and an exit code that says whose it is."""
    sys.exit(run(app, sys.argv[1:]))
