"""The commands of `perdure`, and what becomes of their errors.

Each command imports what it runs: an endpoint's process need not load a node, nor an operator's question either.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from perdure_runtime.cli import deployments, invocations
from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.load import load_endpoint
from perdure_runtime.cli.options import (
    ADMIN,
    ENDPOINT,
    INGRESS,
    AdminOption,
    AdvertiseOption,
    IngressOption,
    LeaseOption,
    PartitionsOption,
    PeerOption,
    RetryOption,
    StorageOption,
    WorkersOption,
)
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.retry import read_defaults

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(deployments.app, name="deployments")
app.add_typer(invocations.app, name="invocations")

EndpointPath = Annotated[str, typer.Argument(metavar="MODULE:ATTRIBUTE", help="Where your perdure.Endpoint is.")]
DataOption = Annotated[Path, typer.Option("--data", help="Directory of the database.")]


def _print_version(asked: bool) -> None:
    if asked:
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
def dev_command(
    endpoint: EndpointPath,
    ingress: IngressOption = INGRESS,
    admin: AdminOption = ADMIN,
    data: DataOption = Path(".perdure"),
    retry: RetryOption = "",
) -> None:
    """Run a runtime node and your handlers in one process."""
    from perdure_runtime.cli import dev

    defaults = read_defaults(retry)
    addresses = parse_address("--ingress", ingress), parse_address("--admin", admin)
    dev.run(load_endpoint(endpoint), data, *addresses, defaults)


@app.command("up")
def up_command(
    ingress: IngressOption = INGRESS,
    admin: AdminOption = ADMIN,
    data: DataOption = Path("perdure-data"),
    storage: StorageOption = None,
    retry: RetryOption = "",
    workers: WorkersOption = 1,
    peer: PeerOption = "",
    advertise: AdvertiseOption = "",
    lease: LeaseOption = None,
    partitions: PartitionsOption = None,
) -> None:
    """Run a runtime node, alone or among others. Register your endpoints with it."""
    from perdure_runtime.cli import up
    from perdure_runtime.cli.plan import Options, read_plan

    up.run(read_plan(Options(ingress, admin, data, storage or [], retry, peer, advertise, lease, partitions, workers)))


@app.command("worker", hidden=True)
def worker_command() -> None:
    """Run one of the workers of `perdure up --workers`, as its supervisor says."""
    from perdure_runtime.cli import worker

    worker.run()


@app.command("serve")
def serve_command(
    endpoint: EndpointPath,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where runtime nodes connect.")
    ] = ENDPOINT,
) -> None:
    """Serve your handlers to runtime nodes."""
    from perdure_runtime.cli import serve

    serve.run(load_endpoint(endpoint), *parse_address("--listen", listen))


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


def main() -> None:
    """The console script: a problem is one sentence, and an exit code that says whose it is."""
    try:
        app()
    except Problem as problem:
        typer.echo(f"perdure: {problem}", err=True)
        sys.exit(problem.exit_code)
