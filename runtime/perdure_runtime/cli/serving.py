"""A node with its listeners: what `perdure up` and `perdure dev` run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from perdure_runtime.admin.server import AdminServer
from perdure_runtime.cli.problem import Problem
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.node.node import Node
from perdure_runtime.partition.policy import Execution
from perdure_runtime.storage.api import StaleEpoch, Storage, StorageFailure

GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Listening:
    """A node that serves, and the addresses that it bound."""

    node: Node
    ingress: str
    admin: str


@asynccontextmanager
async def serve_node(
    storage: Storage, ingress_address: tuple[str, int], admin_address: tuple[str, int], defaults: Execution
) -> AsyncIterator[Listening]:
    """Starts the node, then lets callers in. Closes the storage. Raises Problem."""
    node = Node(storage, defaults=defaults)
    try:
        await node.start()
    except StorageFailure as error:
        await node.close()
        raise Problem(str(error)) from error
    ingress = Ingress(node.calls, *ingress_address)
    admin = AdminServer(node.operations, *admin_address)
    try:
        # Callers come last: who finds the ingress open finds the admin API too.
        await _bind(admin, "admin", admin_address)
        await _bind(ingress, "ingress", ingress_address)
        yield Listening(node, f"{ingress_address[0]}:{ingress.port}", f"{admin_address[0]}:{admin.port}")
    except (StaleEpoch, StorageFailure) as error:
        raise Problem(f"the node had to stop: {error}", exit_code=1) from error
    finally:
        await asyncio.gather(ingress.close(GRACE_S), admin.close(GRACE_S))
        await node.close()


async def _bind(server: Ingress | AdminServer, name: str, address: tuple[str, int]) -> None:
    try:
        await server.start()
    except OSError as error:
        host, port = address
        raise Problem(
            f"cannot listen on {host}:{port} ({error.strerror or error}); choose another with --{name}"
        ) from error
