"""`perdure serve`: the user's handlers, for nodes in other processes."""

import asyncio

import typer
from perdure import Endpoint
from perdure.serve import EndpointServer

from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.process import run as run_process


def run(endpoint: Endpoint, host: str, port: int) -> None:
    """Serves until a signal comes."""

    async def serve(stop: asyncio.Event) -> None:
        server = EndpointServer(endpoint, host, port)
        try:
            await server.start()
        except OSError as error:
            raise Problem(
                f"cannot listen on {host}:{port} ({error.strerror or error}); choose another with --listen"
            ) from error
        typer.echo(f"perdure: endpoint on {host}:{server.port}")
        try:
            await stop.wait()
        finally:
            await server.close()

    run_process(serve)
