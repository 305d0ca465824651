"""`perdure dev`: a runtime node and the user's handlers in one process, which follows their code."""

import asyncio
import logging
from pathlib import Path

import typer
from perdure.session import EndpointSession
from perdure_protos.perdure.protocol.v1.session_pb2 import DiscoverResponse

from perdure_runtime.cli.ground import single_file
from perdure_runtime.cli.load import load_endpoint
from perdure_runtime.cli.narrating import FirstAttempts, Narrator
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.reloading import mend, saved, start_again
from perdure_runtime.cli.safety import Safety, check_addresses
from perdure_runtime.cli.serving import Listening, announcement, serve_node
from perdure_runtime.config.settings import Settings
from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.storage.api import DeploymentRow


def run(path: str, settings: Settings) -> None:
    """Serves until a signal comes or the node fails; starts again when code is saved."""
    folder = Path.cwd()
    try:
        endpoint = load_endpoint(path)
        discovery = endpoint.discovery()
        contracts = Contracts.discovered(discovery, settings.execution())
    except Problem as problem:
        mend(problem, folder)
        return
    except ContractError as error:
        mend(Problem(str(error)), folder)
        return
    check_addresses(settings)
    safety = Safety.of(settings)
    ground = single_file(settings, _served(discovery))
    logging.getLogger("perdure").addFilter(FirstAttempts())
    changed = Changed()

    async def serve(stop: asyncio.Event) -> None:
        async with serve_node(ground, settings, safety) as listening:
            narrator = Narrator()
            transport = LocalTransport(
                lambda send: narrator.session(lambda seen: EndpointSession(endpoint, seen), send)
            )
            listening.node.serve_here(transport, contracts)
            typer.echo(announcement(listening.ingress, listening.admin, ground.place))
            for service in contracts:
                typer.echo(f"  {service}")
            # What the system chose for port 0 stays.
            changed.arguments = _kept(settings, listening)
            ends = [stop.wait(), listening.node.failed()]
            if settings.dev.reload:
                ends.append(changed.wait(folder))
            await first(*ends)

    run_process(serve, settings.logs)
    if changed.file:
        start_again(changed.file, changed.arguments)


def _kept(settings: Settings, listening: Listening) -> tuple[str, ...]:
    kept = {
        "--ingress": (settings.ingress.listen, listening.ingress),
        "--admin": (settings.admin.listen, listening.admin),
    }
    return tuple(part for flag, ((_, port), bound) in kept.items() if port == 0 for part in (flag, bound))


class Changed:
    """Whether code was saved, and with which addresses the next process goes on."""

    def __init__(self) -> None:
        self.file = ""
        self.arguments: tuple[str, ...] = ()

    async def wait(self, folder: Path) -> None:
        """Waits until it was."""
        self.file = await saved(folder)


def _served(discovery: DiscoverResponse) -> DeploymentRow:
    """The handlers of this process, which nobody registers."""
    return DeploymentRow(
        id="",
        address=LocalTransport.address,
        services=tuple(discovery.services),
        descriptors=discovery.descriptors,
        created_at_ms=0,
        sdk_version=discovery.sdk_version,
    )
