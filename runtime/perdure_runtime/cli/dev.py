"""`perdure dev`: a runtime node and the user's handlers in one process."""

import asyncio
from pathlib import Path

import typer
from perdure import Endpoint
from perdure.session import EndpointSession

from perdure_runtime.cli.ground import single_file
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.serving import Addresses, announcement, serve_node
from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.partition.policy import Execution


def run(endpoint: Endpoint, data: Path, ingress: tuple[str, int], admin: tuple[str, int], defaults: Execution) -> None:
    """Serves until a signal comes or the node fails."""
    try:
        contracts = Contracts.discovered(endpoint.discovery(), defaults)
    except ContractError as error:
        raise Problem(str(error)) from error
    ground = single_file(data)

    async def serve(stop: asyncio.Event) -> None:
        async with serve_node(ground, Addresses(ingress, admin), defaults) as listening:
            transport = LocalTransport(lambda send: EndpointSession(endpoint, send))
            listening.node.invoker.add(transport, contracts)
            typer.echo(announcement(listening.ingress, listening.admin, ground.place))
            for service in contracts:
                typer.echo(f"  {service}")
            await first(stop.wait(), listening.node.failed())

    run_process(serve)
