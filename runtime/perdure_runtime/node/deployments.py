"""Deployments: which versions of endpoints there are in the cluster, and what may take whose place."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from perdure_protos.perdure.admin.v1 import deployments_pb2

from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.contracts.changes import Breaks, Change, changes
from perdure_runtime.ingress.port import DeploymentInUse, RegistrationRefused, UnknownDeployment
from perdure_runtime.invoker import verifying
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.remote import PLAIN, Remote, RemoteTransport, discover
from perdure_runtime.invoker.resolving import Lookup, look_up, processes_at
from perdure_runtime.invoker.transport import EndpointUnreachable, Transport
from perdure_runtime.invoker.verifying import Subject
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.likeness import difference, is_other_version, serves_alike
from perdure_runtime.node.routes import Routes
from perdure_runtime.node.stock import MOST_COUNTED, Stock
from perdure_runtime.partition.policy import Execution
from perdure_runtime.storage.api import DeploymentRow, Registry, Survey, Usage

# Of what keeps a deployment from being removed so much is named.
MOST_NAMED = 10
DEFAULT_REPLAYS = 100
# So often an address is added or taken out again where another node was faster.
MOST_TRIES = 10


class Deployments:
    """The registered endpoints of the cluster, as one node sees and changes them.

    Whatever changes something returns once all nodes know of it, and raises StorageFailure too.
    """

    def __init__(
        self,
        registry: Registry,
        surveys: Sequence[Survey],
        invoker: Invoker,
        clock_ms: ClockMs,
        entropy: Callable[[int], int],
        defaults: Execution,
        tell: Callable[[], Awaitable[None]],
        look_up: Lookup = look_up,
        remote: Remote = PLAIN,
    ) -> None:
        """``tell`` has the other nodes read the registry, and waits for those that live."""
        self._registry = registry
        self._stock = Stock(surveys)
        self._invoker = invoker
        self._clock_ms = clock_ms
        self._entropy = entropy
        self._defaults = defaults
        self._tell = tell
        self._look_up = look_up
        self._remote = remote
        self._routes = Routes(registry, invoker, defaults, look_up, remote)
        self._changing = asyncio.Lock()

    def restore(self) -> None:
        """Routes services to the deployments that are stored. Raises StorageFailure."""
        self._routes.restore()

    def serve_here(self, transport: Transport, contracts: Contracts) -> None:
        """Routes to an endpoint of this process, for as long as it is here."""
        self._routes.serve_here(transport, contracts, self._clock_ms())

    async def refresh(self) -> None:
        """Reads which deployments there are; returns once this node routes by them. Raises StorageFailure."""
        await self._routes.refresh()

    async def follow_names(self) -> None:
        """Follows what host names stand for, until cancelled."""
        await self._routes.follow_names()

    async def follow_registry(self) -> None:
        """Follows what other nodes register, until cancelled."""
        await self._routes.follow_registry()

    async def definitions(self, kind: str) -> Mapping[str, bytes]:
        """What operators have defined of a kind. Raises StorageFailure."""
        return await asyncio.to_thread(self._registry.definitions, kind)

    async def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps a definition, or removes it."""
        await asyncio.to_thread(self._registry.define, kind, name, content)
        await self._make_known()

    async def register(self, addresses: Sequence[str], *, force: bool, verify: bool) -> deployments_pb2.Deployment:
        """Discovers the endpoint whose processes serve at each ``host:port``, and sends new invocations there.

        Raises RegistrationRefused.
        """
        # One after another: each is judged against all that came before it.
        async with self._changing:
            return await self._register(tuple(dict.fromkeys(addresses)), force=force, verify=verify)

    async def _register(self, addresses: tuple[str, ...], *, force: bool, verify: bool) -> deployments_pb2.Deployment:
        row, contracts = await self._discover(addresses)
        rows = await self._routes.refresh()
        there = [other for other in rows if set(other.addresses) & set(addresses)]
        changed = [other for other in there if not serves_alike(other, row)]
        if changed and not force:
            raise RegistrationRefused(_says_other_contracts(changed[-1], row))
        broken = await self._broken(contracts)
        replaces = any(is_other_version(other, row) for other in rows if self._invoker.newest_at(other.id))
        if broken and not force:
            raise RegistrationRefused(
                "the new contracts break what is there: "
                + "; ".join(text for _, text in broken)
                + "; keep to what buf breaking allows, register under new names, or force it"
            )
        if verify:
            await self._check_replays(addresses, contracts, rows)
        for other in there:
            if serves_alike(other, row) and self._invoker.newest_at(other.id) == set(other.services):
                more = [address for address in addresses if address not in other.addresses]
                if more and not force:
                    raise RegistrationRefused(
                        f"{other.address} is deployment {other.id}, which serves the same: add a process to it with "
                        f"perdure deployments join {other.id} {more[0]}, or force a new deployment"
                    )
                if not more:
                    return await self._message(other)
        # Later than all others, whatever the clock says: the newest is the newest at every node.
        last_ms = max((other.created_at_ms for other in rows), default=0)
        row = dataclasses.replace(row, created_at_ms=max(self._clock_ms(), last_ms + 1))
        # The new one first: whenever the node dies, somebody has the work.
        await asyncio.to_thread(self._registry.add_deployment, row)
        for other in changed:
            await self._take_addresses(other, addresses)
        await self._make_known()
        message = await self._message(row)
        message.changes.extend(text for _, text in broken)
        message.change_class = ", ".join({breaks.value: None for breaks, _ in broken}) or ("safe" if replaces else "")
        return message

    async def join(self, deployment_id: str, address: str) -> deployments_pb2.Deployment:
        """Adds a process to a deployment. Raises UnknownDeployment, RegistrationRefused."""
        async with self._changing:
            found, _ = await self._discover((address,))
            for _ in range(MOST_TRIES):
                rows = await self._routes.refresh()
                row = _find(rows, deployment_id)
                if address in row.addresses:
                    return await self._message(row)
                if owner := next((other for other in rows if address in other.addresses), None):
                    raise RegistrationRefused(
                        f"{address} is a process of deployment {owner.id}; take it out first: perdure deployments "
                        f"leave {owner.id} {address}"
                    )
                if unlike := difference(row, found):
                    raise RegistrationRefused(
                        f"the endpoint at {address} does not serve as {row.id} does: it {unlike}; register it as a "
                        f"deployment of its own: perdure deployments register {address}"
                    )
                if await self._move(row, (*row.addresses, address)):
                    return await self._moved(deployment_id)
        raise RegistrationRefused(f"the addresses of {deployment_id} change all the time; try again")

    async def leave(self, deployment_id: str, address: str) -> deployments_pb2.Deployment:
        """Takes a process out of a deployment; the others start again what it runs.

        Raises UnknownDeployment, RegistrationRefused.
        """
        async with self._changing:
            for _ in range(MOST_TRIES):
                row = _find(await self._routes.refresh(), deployment_id)
                if address not in row.addresses:
                    raise RegistrationRefused(f"{address} is no process of {row.id}, which has {_listed(row)}")
                rest = tuple(each for each in row.addresses if each != address)
                if not rest:
                    raise RegistrationRefused(
                        f"{address} is the only process of {row.id}: add another one first, or remove the deployment: "
                        f"perdure deployments remove {row.id}"
                    )
                if await self._move(row, rest):
                    return await self._moved(deployment_id)
        raise RegistrationRefused(f"the addresses of {deployment_id} change all the time; try again")

    async def list(self) -> list[deployments_pb2.Deployment]:
        """All deployments, oldest first."""
        await self._routes.refresh()
        rows = self._routes.shown
        messages = await asyncio.to_thread(self._messages, rows, self._newest(rows))
        return list(messages.values())

    async def remove(self, deployment_id: str, *, force: bool) -> None:
        """Sends nothing to a deployment any more. Raises UnknownDeployment, DeploymentInUse."""
        async with self._changing:
            _find(await self._routes.refresh(), deployment_id)
            work = await asyncio.to_thread(self._stock.in_flight, deployment_id, MOST_COUNTED)
            if work and not force:
                raise DeploymentInUse(_says_work(deployment_id, [row.id for row in work]))
            await asyncio.to_thread(self._registry.remove_deployment, deployment_id)
            await self._make_known()

    async def verify(self, address: str, limit: int) -> deployments_pb2.VerifyDeploymentResponse:
        """Replays journals on an endpoint, without side effects. Raises RegistrationRefused."""
        _, contracts = await self._discover((address,))
        subjects = await self._subjects(contracts, await self._routes.refresh(), limit)
        return await self._replay(address, contracts, subjects)

    async def _subjects(self, contracts: Contracts, rows: Sequence[DeploymentRow], limit: int) -> Sequence[Subject]:
        return await asyncio.to_thread(self._stock.subjects, rows, contracts, limit or DEFAULT_REPLAYS)

    async def _replay(
        self, address: str, contracts: Contracts, subjects: Sequence[Subject]
    ) -> deployments_pb2.VerifyDeploymentResponse:
        try:
            found = await verifying.verify(RemoteTransport(address, self._remote), contracts, subjects)
        except EndpointUnreachable as error:
            raise RegistrationRefused(f"the endpoint at {address}: {error}") from error
        return deployments_pb2.VerifyDeploymentResponse(
            replayed=len(subjects),
            divergences=[
                deployments_pb2.Divergence(
                    invocation_id=each.invocation.id,
                    handler=f"{each.invocation.target.service}/{each.invocation.target.handler}",
                    message=each.message,
                )
                for each in found
            ],
        )

    async def _check_replays(
        self, addresses: Sequence[str], contracts: Contracts, rows: Sequence[DeploymentRow]
    ) -> None:
        subjects = await self._subjects(contracts, rows, 0)
        for address in addresses:
            replayed = await self._replay(address, contracts, subjects)
            if replayed.divergences:
                first = replayed.divergences[0]
                raise RegistrationRefused(
                    f"{len(replayed.divergences)} of {replayed.replayed} journals are not repeated; the first is "
                    f"{first.invocation_id} of {first.handler}, at {address}: {first.message}"
                )

    async def _discover(self, addresses: Sequence[str]) -> tuple[DeploymentRow, Contracts]:
        """What all processes at these addresses serve. Raises RegistrationRefused where they do not serve alike."""
        if not addresses:
            raise RegistrationRefused("no address is given; write host:port, such as localhost:9080")
        try:
            processes = [process for each in addresses for process in await processes_at(each, self._look_up)]
            first, *others = await asyncio.gather(*map(self._discover_one, processes))
            contracts = Contracts.described(first.descriptors, first.services, self._defaults)
        except (ValueError, OSError, EndpointUnreachable, ContractError) as error:
            raise RegistrationRefused(str(error)) from error
        for other in others:
            if unlike := difference(first, other):
                raise RegistrationRefused(
                    f"the processes do not serve alike: compared with {first.address}, {other.address} {unlike}; "
                    "register them as deployments of their own"
                )
        return dataclasses.replace(first, address=",".join(addresses)), contracts

    async def _discover_one(self, address: str) -> DeploymentRow:
        found = await discover(address, self._remote)
        id, services = f"dp_{self._entropy(64):016x}", tuple(found.services)
        return DeploymentRow(id, address, services, found.descriptors, self._clock_ms(), found.sdk_version)

    async def _take_addresses(self, row: DeploymentRow, addresses: Sequence[str]) -> None:
        """Another deployment has these addresses now; one that is left with none is removed."""
        rest = tuple(each for each in row.addresses if each not in addresses)
        if not rest or not await self._move(row, rest):
            await asyncio.to_thread(self._registry.remove_deployment, row.id)

    async def _move(self, row: DeploymentRow, addresses: Sequence[str]) -> bool:
        return await asyncio.to_thread(self._registry.move_deployment, row.id, row.address, ",".join(addresses))

    async def _moved(self, deployment_id: str) -> deployments_pb2.Deployment:
        await self._make_known()
        return await self._message(_find(self._routes.rows, deployment_id))

    async def _make_known(self) -> None:
        await self._routes.refresh()
        await self._tell()

    async def _broken(self, contracts: Contracts) -> Sequence[tuple[Breaks, str]]:
        """What breaks somebody who is there, and how in words."""
        found = changes(self._routes.contracts, contracts)
        services = {change.service for change in found}
        used = await asyncio.to_thread(lambda: {service: self._stock.usage(service) for service in services})
        told = ((change.breaks, _told(change, used[change.service])) for change in found)
        return [(breaks, text) for breaks, text in told if text]

    def _newest(self, rows: Sequence[DeploymentRow]) -> dict[str, set[str]]:
        return {row.id: self._invoker.newest_at(row.id) for row in rows}

    async def _message(self, row: DeploymentRow) -> deployments_pb2.Deployment:
        rows = self._routes.rows
        messages = await asyncio.to_thread(self._messages, rows, self._newest(rows))
        return messages[row.id]

    def _messages(
        self, rows: Sequence[DeploymentRow], newest: dict[str, set[str]]
    ) -> dict[str, deployments_pb2.Deployment]:
        """All deployments as operators see them, by id. Blocks."""
        work = self._stock.work(rows)
        begun = Counter(invocation.target.service for invocations in work.values() for invocation in invocations)
        return {
            row.id: deployments_pb2.Deployment(
                id=row.id,
                addresses=row.addresses,
                services=row.services,
                created_at_ms=row.created_at_ms,
                status="active" if newest[row.id] else "draining" if work[row.id] else "drained",
                in_flight=len(work[row.id]),
                waiting=sum(self._stock.unbegun(service, begun[service]) for service in newest[row.id]),
                sdk_version=row.sdk_version,
            )
            for row in rows
        }


def _find(rows: Sequence[DeploymentRow], deployment_id: str) -> DeploymentRow:
    for row in rows:
        if row.id == deployment_id:
            return row
    raise UnknownDeployment(deployment_id)


def _listed(row: DeploymentRow) -> str:
    return ", ".join(row.addresses)


def _says_other_contracts(known: DeploymentRow, row: DeploymentRow) -> str:
    shared = ", ".join(address for address in row.addresses if address in known.addresses)
    return (
        f"{shared} is deployment {known.id}, and serves other contracts now: it {difference(known, row)}; the journals "
        "that it has begun would be repeated by code that did not write them; serve the new version at another "
        "address, or force it"
    )


def _says_work(deployment_id: str, work: Sequence[str]) -> str:
    count = f"{MOST_COUNTED} invocations or more" if len(work) == MOST_COUNTED else f"{len(work)} invocations"
    more = f" and {len(work) - MOST_NAMED} more" if len(work) > MOST_NAMED else ""
    return (
        f"{deployment_id} has begun {count} that have not ended: {', '.join(work[:MOST_NAMED])}{more}; wait until it "
        "is drained, cancel or kill these, or force it: then the newest deployment goes on with their journals"
    )


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
