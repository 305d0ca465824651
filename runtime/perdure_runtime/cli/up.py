"""`perdure up`: a runtime node, its endpoints elsewhere."""

import asyncio
from pathlib import Path

import typer

from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.serving import serve_node
from perdure_runtime.cli.storage import open_storage
from perdure_runtime.partition.policy import Execution


def run(url: str, data: Path, ingress: tuple[str, int], admin: tuple[str, int], defaults: Execution) -> None:
    """Serves until a signal comes or the node fails, on the storage at a URL or, without one, in a directory."""
    storage, place = open_storage(url, data)

    async def serve(stop: asyncio.Event) -> None:
        async with serve_node(storage, ingress, admin, defaults) as listening:
            typer.echo(f"perdure: ingress on {listening.ingress}, admin on {listening.admin}, data in {place}")
            await first(stop.wait(), listening.node.failed())

    run_process(serve)
