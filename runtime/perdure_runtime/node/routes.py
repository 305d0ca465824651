"""What this node knows of the cluster's deployments, and routes by."""

import asyncio
import logging
from collections.abc import Sequence

from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.remote import RemoteTransport
from perdure_runtime.invoker.resolving import Lookup, processes_at
from perdure_runtime.partition.policy import Execution
from perdure_runtime.storage.api import DeploymentRow, Registry, StorageFailure

# The registry is read this often, for what no peer has told.
EVERY_S = 1.0
# Host names are asked this often which processes they stand for.
RESOLVE_EVERY_S = 5.0

log = logging.getLogger(__name__)


class Routes:
    """Keeps the invoker's deployments those of the registry, and their processes those of their addresses."""

    def __init__(self, registry: Registry, invoker: Invoker, defaults: Execution, look_up: Lookup) -> None:
        self._registry = registry
        self._invoker = invoker
        self._defaults = defaults
        self._look_up = look_up
        self._rows: dict[str, DeploymentRow] = {}
        # The processes that an address stood for when it was last asked.
        self._resolved: dict[str, tuple[str, ...]] = {}
        self._reading = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def rows(self) -> tuple[DeploymentRow, ...]:
        """The deployments as this node has last read them, the oldest first."""
        return tuple(self._rows.values())

    def restore(self) -> None:
        """Reads the deployments while nothing else runs. Raises StorageFailure."""
        self._take(self._registry.deployments())

    async def refresh(self) -> tuple[DeploymentRow, ...]:
        """Reads the deployments, and routes by them. Raises StorageFailure."""
        # One after another: what was read later is known later.
        async with self._reading:
            self._take(await asyncio.to_thread(self._registry.deployments))
            return self.rows

    async def watch(self) -> None:
        """Follows the registry and the host names until cancelled."""
        async with asyncio.TaskGroup() as following:
            following.create_task(self._follow_registry())
            following.create_task(self._follow_names())

    async def _follow_registry(self) -> None:
        failing = False
        while True:
            try:
                await self.refresh()
                failing = False
            except StorageFailure as error:
                if not failing:
                    log.warning("deployments cannot be read, this node routes by those that it knows: %s", error)
                failing = True
            await asyncio.sleep(EVERY_S)

    async def _follow_names(self) -> None:
        while True:
            self._changed.clear()
            addresses = {address for row in self._rows.values() for address in row.addresses}
            await asyncio.gather(*(self._resolve(address) for address in addresses))
            for row in self._rows.values():
                self._settle(row)
            try:
                async with asyncio.timeout(RESOLVE_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _resolve(self, address: str) -> None:
        try:
            self._resolved[address] = await processes_at(address, self._look_up)
        except (OSError, ValueError) as error:
            # Those that it stood for before may answer yet.
            log.info("%s cannot be resolved: %s", address, error)

    def _take(self, rows: Sequence[DeploymentRow]) -> None:
        before, self._rows = self._rows, {row.id: row for row in rows}
        for row in rows:
            known = before.get(row.id)
            if known is None:
                self._add(row)
            elif known.address != row.address:
                self._move(known, row)
        # The new ones first: somebody always has the work.
        for gone in before.keys() - self._rows.keys():
            self._invoker.remove(gone)
        self._invoker.arrange([row.id for row in rows])
        if self._rows != before:
            self._changed.set()

    def _add(self, row: DeploymentRow) -> None:
        try:
            contracts = Contracts.described(row.descriptors, row.services, self._defaults)
            first, *others = (RemoteTransport(process) for process in sorted(self._processes(row)))
        except (ContractError, ValueError) as error:
            log.error("deployment %s is not routed, and its calls wait: %s", row.id, error)
            return
        self._invoker.add(first, contracts, row.id)
        for transport in others:
            self._invoker.join(row.id, transport)

    def _move(self, old: DeploymentRow, new: DeploymentRow) -> None:
        self._settle(new, left=self._processes(old) - self._processes(new))

    def _settle(self, row: DeploymentRow, left: frozenset[str] = frozenset()) -> None:
        """Gives a deployment its processes; those that were ``left`` lose their attempts to the others."""
        wanted, there = self._processes(row), self._invoker.processes(row.id)
        if not there:
            return  # It was not routed.
        for process in sorted(wanted - there):
            self._invoker.join(row.id, RemoteTransport(process))
        for process in there - wanted:
            self._invoker.leave(row.id, process, at_once=process in left)

    def _processes(self, row: DeploymentRow) -> frozenset[str]:
        return frozenset(process for address in row.addresses for process in self._resolved.get(address, (address,)))
