"""The node as operators see it: the admin API's port."""

import secrets

from perdure_protos.perdure.admin.v1 import admin_pb2

from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.ingress.port import NotPaused, RegistrationRefused, UnknownInvocation
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.remote import RemoteTransport, discover
from perdure_runtime.invoker.transport import EndpointUnreachable
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.partition.input import Resume
from perdure_runtime.partition.rows import Paused
from perdure_runtime.storage.api import DeploymentRow, Storage


class Operations:
    """Implements ``ingress.port.Administration``."""

    def __init__(self, storage: Storage, loop: PartitionLoop, invoker: Invoker, clock_ms: ClockMs) -> None:
        self._storage = storage
        self._loop = loop
        self._invoker = invoker
        self._clock_ms = clock_ms

    def restore(self) -> None:
        """Routes services to the deployments that are stored; one that newer ones have replaced is left alone."""
        rows = self._storage.deployments()
        newest = {service: row.id for row in rows for service in row.services}
        current = set(newest.values())
        for row in rows:
            if row.id not in current:
                continue
            self._invoker.add(RemoteTransport(row.address), Contracts.described(row.descriptors, row.services))

    async def register(self, address: str) -> admin_pb2.Deployment:
        """Discovers the endpoint at ``host:port`` and routes its services there. Raises RegistrationRefused."""
        try:
            discovered = await discover(address)
            services = tuple(discovered.services)
            contracts = Contracts.described(discovered.descriptors, services)
        except (ValueError, EndpointUnreachable, ContractError) as error:
            raise RegistrationRefused(str(error)) from error
        for row in self._storage.deployments():
            if (row.address, row.services, row.descriptors) == (address, services, discovered.descriptors):
                return _message(row)
        row = DeploymentRow(f"dp_{secrets.token_hex(8)}", address, services, discovered.descriptors, self._clock_ms())
        self._storage.add_deployment(row)
        self._invoker.add(RemoteTransport(address), contracts)
        return _message(row)

    async def deployments(self) -> list[admin_pb2.Deployment]:
        """All deployments, oldest first."""
        return [_message(row) for row in self._storage.deployments()]

    async def resume(self, invocation_id: str) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, NotPaused, StorageFailure."""
        invocation = self._loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        if not isinstance(invocation.status, Paused):
            raise NotPaused(
                f"{invocation_id} is {type(invocation.status).__name__.lower()}; only a paused one is resumed"
            )
        self._loop.offer(Resume(invocation_id))
        await self._loop.flush()


def _message(row: DeploymentRow) -> admin_pb2.Deployment:
    return admin_pb2.Deployment(id=row.id, address=row.address, services=row.services, created_at_ms=row.created_at_ms)
