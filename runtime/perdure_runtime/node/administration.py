"""The cluster as operators see it: the admin API's port."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from perdure_protos.perdure.admin.v1 import cluster_pb2, deployments_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import AwakeableFacts
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.census import Census
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.deployments import Deployments
from perdure_runtime.node.router import Router
from perdure_runtime.partition.input import EditState, SettlePromise
from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.api import Survey


class Administration:
    """Implements ``admin.port.Administration``. All that changes something raises StorageFailure too."""

    def __init__(
        self,
        router: Router,
        deployments: Deployments,
        invoker: Invoker,
        survey: Survey,
        placement: Placement,
        clock_ms: ClockMs,
        census: Census,
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        """``survey`` and ``census`` are of the whole cluster.

        ``flush`` waits until what this node has begun is durable.
        """
        self._router = router
        self._deployments = deployments
        self._invoker = invoker
        self._survey = survey
        self._placement = placement
        self._clock_ms = clock_ms
        self._census = census
        self._flush = flush

    # What there is.

    @property
    def survey(self) -> Survey:
        """All rows of the cluster."""
        return self._survey

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as operators have set them."""
        return self._invoker.contracts

    def contracts_of(self, deployment_id: str) -> Contracts | None:
        """The contracts of a deployment; None where it is not there any more."""
        return self._invoker.contracts_of(deployment_id)

    def newest_of(self, service: str) -> str:
        """The deployment that new invocations of a service go to; empty where there is none."""
        return self._invoker.newest_of(service)

    def partition_of(self, invocation_id: str) -> int:
        """Where an invocation lies."""
        return self._placement.of_invocation(invocation_id)

    def now_ms(self) -> int:
        """The clock of the node."""
        return self._clock_ms()

    def nodes(self) -> Sequence[cluster_pb2.Node]:
        """The nodes of the cluster."""
        return self._census.nodes()

    def settled_owner(self, partition: int) -> str:
        """The node that owns a partition for good; empty where leases say who does."""
        return self._census.settled_owner(partition)

    # Deployments, and what else operators define.

    async def definitions(self, kind: str) -> Mapping[str, bytes]:
        """What is defined of a kind: each one's content by its name."""
        return await self._deployments.definitions(kind)

    async def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps a definition, or removes it; returns once all nodes know."""
        await self._deployments.define(kind, name, content)

    async def register(self, addresses: Sequence[str], *, force: bool, verify: bool) -> deployments_pb2.Deployment:
        """Discovers the endpoint at these addresses and sends new invocations there. Raises RegistrationRefused."""
        return await self._deployments.register(addresses, force=force, verify=verify)

    async def join(self, deployment_id: str, address: str) -> deployments_pb2.Deployment:
        """Adds a process to a deployment. Raises UnknownDeployment, RegistrationRefused."""
        return await self._deployments.join(deployment_id, address)

    async def leave(self, deployment_id: str, address: str) -> deployments_pb2.Deployment:
        """Takes a process out of a deployment. Raises UnknownDeployment, RegistrationRefused."""
        return await self._deployments.leave(deployment_id, address)

    async def deployments(self) -> list[deployments_pb2.Deployment]:
        """All deployments, oldest first."""
        return await self._deployments.list()

    async def remove(self, deployment_id: str, *, force: bool) -> None:
        """Sends nothing to a deployment any more. Raises UnknownDeployment, DeploymentInUse."""
        # Its work is counted in storage, which must have what it has just begun.
        await self._flush()
        await self._deployments.remove(deployment_id, force=force)

    async def verify(self, address: str, limit: int) -> deployments_pb2.VerifyDeploymentResponse:
        """Replays journals on an endpoint, without side effects. Raises RegistrationRefused."""
        return await self._deployments.verify(address, limit)

    # Invocations.

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, WrongStatus."""
        await self._router.resume(invocation_id, on_newest=on_newest)

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation that has begun, until it is resumed. Raises UnknownInvocation, WrongStatus."""
        await self._router.pause(invocation_id)

    async def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first. Raises UnknownInvocation, WrongStatus."""
        await self._router.stop(invocation_id)

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation, and all that it has called, at once. Raises UnknownInvocation, WrongStatus."""
        await self._router.kill(invocation_id)

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again and returns the new one's id. Raises UnknownInvocation, WrongStatus."""
        return await self._router.restart(invocation_id, from_entry)

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation. Raises UnknownInvocation, WrongStatus."""
        await self._router.purge(invocation_id)

    # What belongs to keys, and what handlers wait for.

    async def edit_state(self, edit: EditState) -> None:
        """Changes state of a key. Raises WrongStatus."""
        await self._router.edit_state(edit)

    async def settle_promise(self, settle: SettlePromise) -> None:
        """Gives a promise of a workflow its result. Raises WrongStatus."""
        await self._router.settle_promise(settle)

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """Whose an awakeable is, and what it takes. Raises UnknownAwakeable."""
        return await self._router.awakeable_type(awakeable_id)

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Gives an awakeable its result; one that has it keeps it. Raises UnknownAwakeable."""
        await self._router.complete_awakeable(awakeable_id, result)
