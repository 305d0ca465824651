"""Deployments: which versions of endpoints there are, and what may take whose place."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from itertools import chain, islice

from perdure_protos.perdure.admin.v1 import admin_pb2

from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.contracts.changes import Breaks, Change, changes
from perdure_runtime.ingress.port import DeploymentInUse, RegistrationRefused, UnknownDeployment
from perdure_runtime.invoker import verifying
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.remote import RemoteTransport, discover
from perdure_runtime.invoker.transport import EndpointUnreachable
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.view import JournalDocument
from perdure_runtime.storage.api import DeploymentRow, Storage, Usage

# In-flight work is counted up to here; of what keeps a deployment from being removed so much is named.
MOST_COUNTED = 1_000
MOST_NAMED = 10
DEFAULT_REPLAYS = 100


class Deployments:
    """The registered endpoints of one node. What changes something raises StorageFailure too."""

    def __init__(
        self,
        storage: Storage,
        invoker: Invoker,
        clock_ms: ClockMs,
        entropy: Callable[[int], int],
        defaults: Execution,
    ) -> None:
        self._storage = storage
        self._invoker = invoker
        self._clock_ms = clock_ms
        self._entropy = entropy
        self._defaults = defaults
        self._registering = asyncio.Lock()

    def restore(self) -> None:
        """Routes services to the deployments that are stored, oldest first."""
        for row in self._storage.deployments():
            self._route(row)

    async def register(self, address: str, *, force: bool, verify: bool) -> admin_pb2.Deployment:
        """Discovers the endpoint at ``host:port`` and sends new invocations there. Raises RegistrationRefused."""
        # One after another: each is judged against all that came before it.
        async with self._registering:
            return await self._register(address, force=force, verify=verify)

    async def _register(self, address: str, *, force: bool, verify: bool) -> admin_pb2.Deployment:
        row, contracts = await self._discover(address)
        changed = [other for other in self._at(address) if not _serves_alike(other, row)]
        if changed and not force:
            raise RegistrationRefused(
                f"{address} is deployment {changed[-1].id}, and serves other contracts now: the journals that it has "
                "begun would be repeated by code that did not write them; serve the new version at another address, or "
                "force it"
            )
        broken = list(self._broken(contracts))
        if broken and not force:
            raise RegistrationRefused(
                "the new contracts break what is there: " + "; ".join(broken) + "; keep to what buf breaking allows, "
                "register under new names, or force it"
            )
        if verify:
            replayed = await self.verify(address, 0)
            if replayed.divergences:
                first = replayed.divergences[0]
                raise RegistrationRefused(
                    f"{len(replayed.divergences)} of {replayed.replayed} journals are not repeated; the first is "
                    f"{first.invocation_id} of {first.handler}: {first.message}"
                )
        for other in self._at(address):
            if _serves_alike(other, row) and self._invoker.newest_at(other.id) == set(other.services):
                return self._message(other)
        # Later than all others, whatever the clock says: the newest is still the newest when the node is back.
        last_ms = max((other.created_at_ms for other in self._storage.deployments()), default=0)
        row = dataclasses.replace(row, created_at_ms=max(self._clock_ms(), last_ms + 1))
        # The new one first: whenever the node dies, somebody has the work.
        self._storage.add_deployment(row)
        self._route(row)
        for other in changed:
            self._storage.remove_deployment(other.id)
            self._invoker.remove(other.id)
        message = self._message(row)
        message.changes.extend(broken)
        return message

    def list(self) -> list[admin_pb2.Deployment]:
        """All deployments, oldest first."""
        return [self._message(row) for row in self._storage.deployments()]

    def remove(self, deployment_id: str, *, force: bool) -> None:
        """Sends nothing to a deployment any more. Raises UnknownDeployment, DeploymentInUse."""
        known = {row.id: row for row in self._storage.deployments()}
        if deployment_id not in known:
            raise UnknownDeployment(deployment_id)
        work = self._storage.in_flight(deployment_id, MOST_COUNTED)
        if work and not force:
            named = ", ".join(row.id for row in work[:MOST_NAMED])
            more = f" and {len(work) - MOST_NAMED} more" if len(work) > MOST_NAMED else ""
            raise DeploymentInUse(
                f"{deployment_id} has begun what has not ended: {named}{more}; wait until it is drained, cancel or "
                "kill these, or force it: then the newest deployment goes on with their journals"
            )
        self._storage.remove_deployment(deployment_id)
        self._invoker.remove(deployment_id)

    async def verify(self, address: str, limit: int) -> admin_pb2.VerifyDeploymentResponse:
        """Replays journals on an endpoint, without side effects. Raises RegistrationRefused."""
        _, contracts = await self._discover(address)
        subjects = list(self._subjects(contracts, limit or DEFAULT_REPLAYS))
        try:
            found = await verifying.verify(RemoteTransport(address), contracts, subjects)
        except EndpointUnreachable as error:
            raise RegistrationRefused(f"the endpoint at {address}: {error}") from error
        return admin_pb2.VerifyDeploymentResponse(
            replayed=len(subjects),
            divergences=[
                admin_pb2.Divergence(
                    invocation_id=each.invocation.id,
                    handler=f"{each.invocation.target.service}/{each.invocation.target.handler}",
                    message=each.message,
                )
                for each in found
            ],
        )

    async def _discover(self, address: str) -> tuple[DeploymentRow, Contracts]:
        try:
            discovered = await discover(address)
            services = tuple(discovered.services)
            contracts = Contracts.described(discovered.descriptors, services, self._defaults)
        except (ValueError, EndpointUnreachable, ContractError) as error:
            raise RegistrationRefused(str(error)) from error
        id = f"dp_{self._entropy(64):016x}"
        return DeploymentRow(id, address, services, discovered.descriptors, self._clock_ms()), contracts

    def _at(self, address: str) -> tuple[DeploymentRow, ...]:
        return tuple(row for row in self._storage.deployments() if row.address == address)

    def _route(self, row: DeploymentRow) -> None:
        contracts = Contracts.described(row.descriptors, row.services, self._defaults)
        self._invoker.add(RemoteTransport(row.address), contracts, row.id)

    def _broken(self, contracts: Contracts) -> Iterator[str]:
        """What breaks somebody who is there, in words."""
        used: dict[str, Usage] = {}
        for change in changes(self._invoker.contracts, contracts):
            usage = used.setdefault(change.service, self._storage.usage(change.service))
            text = _told(change, usage)
            if text:
                yield text

    def _subjects(self, contracts: Contracts, limit: int) -> Iterator[verifying.Subject]:
        work = (row for known in self._storage.deployments() for row in self._storage.in_flight(known.id, limit))
        done = (row for service in contracts for row in self._storage.ended(service, limit))
        served = (row for row in chain(work, done) if row.target.service in contracts)
        for row in islice(served, limit):
            entries = self._storage.load(JournalDocument(row.id))
            yield verifying.Subject(row, tuple(entries) if isinstance(entries, list) else ())

    def _message(self, row: DeploymentRow) -> admin_pb2.Deployment:
        in_flight = len(self._storage.in_flight(row.id, MOST_COUNTED))
        active = bool(self._invoker.newest_at(row.id))
        return admin_pb2.Deployment(
            id=row.id,
            address=row.address,
            services=row.services,
            created_at_ms=row.created_at_ms,
            status="active" if active else "draining" if in_flight else "drained",
            in_flight=in_flight,
        )


def _serves_alike(one: DeploymentRow, other: DeploymentRow) -> bool:
    return (one.services, one.descriptors) == (other.services, other.descriptors)


def _told(change: Change, usage: Usage) -> str:
    """A change with what it breaks, or nothing where nothing is there that it could break."""
    match change.breaks:
        case Breaks.CALLERS:
            return f"{change.what} ({change.breaks.value})"
        case Breaks.STATE:
            keys = usage.state.get(change.name, 0)
            return f"{change.what} ({change.breaks.value} of {keys} keys)" if keys else ""
        case Breaks.JOURNALS:
            open = usage.open.get(change.handler, 0) if change.handler else sum(usage.open.values())
            return f"{change.what} ({change.breaks.value}: {open} invocations)" if open else ""
