"""What this node knows of the cluster's deployments, and routes by."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError
from perdure_protos.perdure.admin.v1.deployments_pb2 import ServiceSettings

from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.contracts.overlay import SERVICE_SETTINGS, overlaid
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.remote import PLAIN, Remote, RemoteTransport
from perdure_runtime.invoker.resolving import Lookup, processes_at
from perdure_runtime.invoker.transport import Transport
from perdure_runtime.partition.policy import Execution
from perdure_runtime.storage.api import DeploymentRow, Registry, StorageFailure

# The registry is read this often, for what no peer has told.
EVERY_S = 1.0
# Host names are asked this often which processes they stand for.
RESOLVE_EVERY_S = 5.0
# What the deployment is called that is in this process.
HERE = "local"

log = logging.getLogger(__name__)


class Routes:
    """Keeps the invoker's deployments those of the registry, and their processes those of their addresses."""

    def __init__(
        self, registry: Registry, invoker: Invoker, defaults: Execution, look_up: Lookup, remote: Remote = PLAIN
    ) -> None:
        self._registry = registry
        self._invoker = invoker
        self._defaults = defaults
        self._look_up = look_up
        self._remote = remote
        self._rows: dict[str, DeploymentRow] = {}
        self._here: DeploymentRow | None = None
        # What their contracts say, by id, and what operators have set in place of that, by service.
        self._said: dict[str, Contracts] = {}
        self._stored: Mapping[str, bytes] = {}
        self._settings: dict[str, ServiceSettings] = {}
        # The processes that an address stood for when it was last asked.
        self._resolved: dict[str, tuple[str, ...]] = {}
        self._reading = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def rows(self) -> tuple[DeploymentRow, ...]:
        """The deployments as this node has last read them, the oldest first."""
        return tuple(self._rows.values())

    @property
    def shown(self) -> tuple[DeploymentRow, ...]:
        """The deployments as operators see them: the one of this process first, which is older than all others."""
        return self.rows if self._here is None else (self._here, *self.rows)

    @property
    def contracts(self) -> Contracts:
        """What the contracts of the newest deployments say, whatever operators have set in place of that."""
        return Contracts().merged(*(self._said[row.id] for row in self.shown if row.id in self._said))

    def restore(self) -> None:
        """Reads the deployments while nothing else runs. Raises StorageFailure."""
        self._take(*self._read())

    async def refresh(self) -> tuple[DeploymentRow, ...]:
        """Reads the deployments, and routes by them. Raises StorageFailure."""
        # One after another: what was read later is known later.
        async with self._reading:
            self._take(*await asyncio.to_thread(self._read))
            return self.rows

    def _read(self) -> tuple[Sequence[DeploymentRow], Mapping[str, bytes]]:
        return self._registry.deployments(), self._registry.definitions(SERVICE_SETTINGS)

    async def follow_registry(self) -> None:
        """Follows what other nodes register, until cancelled: at a node alone there is nobody who does."""
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

    async def follow_names(self) -> None:
        """Follows what host names stand for, until cancelled."""
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

    def _take(self, rows: Sequence[DeploymentRow], stored: Mapping[str, bytes]) -> None:
        before, self._rows = self._rows, {row.id: row for row in rows}
        self._set(stored)
        for row in rows:
            known = before.get(row.id)
            if known is None:
                self._add(row)
            elif known.address != row.address:
                self._move(known, row)
        # The new ones first: somebody always has the work.
        for gone in before.keys() - self._rows.keys():
            self._said.pop(gone, None)
            self._invoker.remove(gone)
        self._invoker.arrange([row.id for row in rows])
        if self._rows != before:
            self._changed.set()

    def _set(self, stored: Mapping[str, bytes]) -> None:
        """Lays what operators have set over the contracts of all deployments that are here."""
        if stored == self._stored:
            return
        self._stored = stored
        self._settings = {name: found for name, content in stored.items() if (found := _settings(name, content))}
        self._invoker.renew({id: overlaid(said, self._settings) for id, said in self._said.items()})

    def serve_here(self, transport: Transport, contracts: Contracts, now_ms: int) -> None:
        """Routes to an endpoint of this process: a deployment that nobody else knows, for as long as it is here."""
        self._here = DeploymentRow(HERE, transport.address, tuple(contracts), b"", now_ms)
        self._said[HERE] = contracts
        self._invoker.add(transport, overlaid(contracts, self._settings), HERE)

    def _add(self, row: DeploymentRow) -> None:
        try:
            contracts = Contracts.described(row.descriptors, row.services, self._defaults)
            first, *others = (RemoteTransport(process, self._remote) for process in sorted(self._processes(row)))
        except (ContractError, ValueError) as error:
            log.error("deployment %s is not routed, and its calls wait: %s", row.id, error)
            return
        self._said[row.id] = contracts
        self._invoker.add(first, overlaid(contracts, self._settings), row.id)
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
            self._invoker.join(row.id, RemoteTransport(process, self._remote))
        for process in there - wanted:
            self._invoker.leave(row.id, process, at_once=process in left)

    def _processes(self, row: DeploymentRow) -> frozenset[str]:
        return frozenset(process for address in row.addresses for process in self._resolved.get(address, (address,)))


def _settings(service: str, content: bytes) -> ServiceSettings | None:
    try:
        return ServiceSettings.FromString(content)
    except DecodeError as error:
        log.error("the settings of %s cannot be read, it goes by its contract: %s", service, error)
        return None
