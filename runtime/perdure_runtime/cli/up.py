"""`perdure up`: a runtime node, or several workers, their endpoints elsewhere."""

import asyncio

import typer

from perdure_runtime.cli import workers
from perdure_runtime.cli.ground import databases, single_file
from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.safety import Safety, check_addresses
from perdure_runtime.cli.serving import announcement, serve_node
from perdure_runtime.config.settings import Settings


def run(settings: Settings) -> None:
    """Serves until a signal comes or the node fails."""
    check_addresses(settings)
    cluster = settings.cluster
    if cluster.workers > 1:
        workers.run(settings)
        return
    safety = Safety.of(settings)
    if settings.storage.urls:
        ground = databases(settings, cluster.peer, cluster.advertised(0), safety.peers)
    else:
        ground = single_file(settings)

    async def serve(stop: asyncio.Event) -> None:
        async with serve_node(ground, settings, safety) as listening:
            typer.echo(announcement(listening.ingress, listening.admin, ground.place))
            if listening.name:
                typer.echo(f"  {listening.name}")
            await first(stop.wait(), listening.node.failed())

    run_process(serve, settings.logs)
