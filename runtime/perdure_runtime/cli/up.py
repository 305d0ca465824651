"""`perdure up`: a runtime node, or several workers, their endpoints elsewhere."""

import asyncio

import typer

from perdure_runtime.cli import workers
from perdure_runtime.cli.ground import databases, single_file
from perdure_runtime.cli.plan import Plan
from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.serving import Addresses, announcement, serve_node


def run(plan: Plan) -> None:
    """Serves until a signal comes or the node fails."""
    if plan.workers > 1:
        workers.run(plan)
        return
    ground = databases(plan, plan.peer, plan.advertised(0)) if plan.storages else single_file(plan.data)

    async def serve(stop: asyncio.Event) -> None:
        async with serve_node(ground, Addresses(plan.ingress, plan.admin), plan.defaults) as listening:
            typer.echo(announcement(listening.ingress, listening.admin, ground.place))
            if listening.name:
                typer.echo(f"  {listening.name}")
            await first(stop.wait(), listening.node.failed())

    run_process(serve)
