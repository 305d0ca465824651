"""A node with its listeners: what `perdure up`, its workers and `perdure dev` run."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from perdure_runtime.admin.server import AdminServer
from perdure_runtime.cli.equipment import Equipment
from perdure_runtime.cli.ground import Ground
from perdure_runtime.cli.ports import cannot_listen
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.safety import Safety
from perdure_runtime.config.settings import Settings
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.node.node import Node
from perdure_runtime.storage.api import StaleEpoch, StorageFailure

# Callers get so long to hear the answers that are due.
GRACE_S = 2.0
# Handing work over takes a moment, unless the database is away.
DRAIN_S = 10.0

log = logging.getLogger(__name__)


def announcement(ingress: str, admin: str, place: str) -> str:
    """What people are told first."""
    return f"perdure: ingress on {ingress}, admin on {admin}, data in {place}"


@dataclass(frozen=True, slots=True)
class Listening:
    """A node that serves, the addresses that it bound, and what it is called; empty where it has no peers."""

    node: Node
    ingress: str
    admin: str
    name: str


async def nobody() -> None:
    """There is nobody to wait for."""


@asynccontextmanager
async def serve_node(
    ground: Ground,
    settings: Settings,
    safety: Safety,
    others: Callable[[], Awaitable[None]] = nobody,
    *,
    shared: bool = False,
) -> AsyncIterator[Listening]:
    """Starts the node, waits for ``others``, then lets callers in. Closes what it stands on.

    The addresses of callers and operators may be ``shared`` with other processes. At an orderly end it hands its
    work over to other nodes, where there are any. Raises Problem.
    """
    equipment = Equipment.of(ground, settings, safety, shared=shared)
    node, ingress, admin = equipment.node, equipment.ingress, equipment.admin
    try:
        await _start(equipment, ground)
        await others()
        # Callers come last: who finds the ingress open finds the admin API too.
        await _bind(admin, "--admin", settings.admin.listen)
        await _bind(ingress, "--ingress", settings.ingress.listen)
        await equipment.sources.start()
        yield Listening(
            node=node,
            ingress=f"{settings.ingress.listen[0]}:{ingress.port}",
            admin=f"{settings.admin.listen[0]}:{admin.port}",
            name=f"{ground.cluster.node_id} for peers on {node.peer_address}" if ground.cluster is not None else "",
        )
        # Nobody new comes in; those who wait are answered by the new owners, through this node.
        await asyncio.gather(*equipment.closing(GRACE_S), _drain(node))
    except (StaleEpoch, StorageFailure) as error:
        raise Problem(f"the node had to stop: {error}", exit_code=1) from error
    finally:
        await asyncio.gather(*equipment.closing(GRACE_S))
        if equipment.query is not None:
            await equipment.query.close()
        await node.close()
        # What the others did at their end is told too.
        await equipment.telemetry.close()


async def _start(equipment: Equipment, ground: Ground) -> None:
    equipment.telemetry.start()
    try:
        await equipment.node.start()
    except (StorageFailure, OSError) as error:
        if isinstance(error, OSError) and ground.cluster is not None:
            raise cannot_listen("--peer", ground.cluster.listen, error) from error
        raise Problem(str(error)) from error
    if equipment.query is not None:
        equipment.query.start()


async def _drain(node: Node) -> None:
    try:
        await asyncio.wait_for(node.drain(), DRAIN_S)
    except TimeoutError:
        log.warning("the node ends without handing all of its work over: others take it when its lease has run out")


async def _bind(server: Ingress | AdminServer, option: str, address: tuple[str, int]) -> None:
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(option, address, error) from error
