"""What the admin API asks of the node that it stands in front of, and of what is joined to it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from perdure_protos.perdure.admin.v1.cluster_pb2 import Node, QueryRequest, QueryResponse
from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule, Subscription
from perdure_protos.perdure.admin.v1.deployments_pb2 import Deployment, VerifyDeploymentResponse
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import AwakeableFacts
from perdure_runtime.partition.input import EditState, SettlePromise
from perdure_runtime.storage.api import Survey

# The kinds of definitions, as the registry keeps them beside the settings of services: serialised messages of admin v1.
SUBSCRIPTION, SCHEDULE = "subscription", "schedule"


class Administration(Protocol):
    """The cluster, as operators see it at one node.

    All that changes something returns once that is durable, and raises NotAccepted and StorageFailure too. What is
    read of ``survey`` is durable; its methods block.
    """

    # What there is.

    @property
    def survey(self) -> Survey:
        """All rows of the cluster."""

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as operators have set them."""

    def contracts_of(self, deployment_id: str) -> Contracts | None:
        """The contracts of a deployment; None where it is not there any more."""

    def newest_of(self, service: str) -> str:
        """The deployment that new invocations of a service go to; empty where there is none."""

    def partition_of(self, invocation_id: str) -> int:
        """Where an invocation lies."""

    def now_ms(self) -> int:
        """The clock of the node."""

    def nodes(self) -> Sequence[Node]:
        """The nodes of the cluster; of each one its id, address and status."""

    def settled_owner(self, partition: int) -> str:
        """The node that owns a partition for good; empty where leases say who does."""

    # Deployments.

    async def register(self, addresses: Sequence[str], *, force: bool, verify: bool) -> Deployment:
        """Discovers the endpoint whose processes serve at each ``host:port``, and sends new invocations there.

        What breaks callers, state or journals is refused unless ``force`` says so, and with ``verify`` what does not
        repeat journals. Raises RegistrationRefused.
        """

    async def join(self, deployment_id: str, address: str) -> Deployment:
        """Adds a process to a deployment. Raises UnknownDeployment, RegistrationRefused."""

    async def leave(self, deployment_id: str, address: str) -> Deployment:
        """Takes a process out of a deployment. Raises UnknownDeployment, RegistrationRefused."""

    async def deployments(self) -> list[Deployment]:
        """All deployments, oldest first."""

    async def remove(self, deployment_id: str, *, force: bool) -> None:
        """Sends nothing to a deployment any more. Raises UnknownDeployment, DeploymentInUse."""

    async def verify(self, address: str, limit: int) -> VerifyDeploymentResponse:
        """Replays journals on an endpoint, at most ``limit`` or 100, without side effects.

        Raises RegistrationRefused.
        """

    # What operators define.

    async def definitions(self, kind: str) -> Mapping[str, bytes]:
        """What is defined of a kind: each one's content by its name."""

    async def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps a definition, in place of the one with its name; None removes it. Returns once all nodes know."""

    # Invocations.

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, WrongStatus."""

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation where it is. Raises UnknownInvocation, WrongStatus."""

    async def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first. Raises UnknownInvocation, WrongStatus."""

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation and what it has called, at once. Raises UnknownInvocation, WrongStatus."""

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again, keeping its journal before ``from_entry``; returns the new invocation's id.

        Raises UnknownInvocation, WrongStatus.
        """

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation. Raises UnknownInvocation, WrongStatus."""

    # What belongs to keys, and what handlers wait for.

    async def edit_state(self, edit: EditState) -> None:
        """Changes state of a key. Raises WrongStatus."""

    async def settle_promise(self, settle: SettlePromise) -> None:
        """Gives a promise of a workflow its result. Raises WrongStatus."""

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """Whose an awakeable is, and what it takes. Raises UnknownAwakeable."""

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Gives an awakeable its result; one that has it keeps it. Raises UnknownAwakeable."""


class Sources(Protocol):
    """What reads topics and keeps times, for what it knows of each beyond its definition."""

    def subscription(self, name: str) -> Subscription.Progress | None:
        """How far a subscription has come; None where nobody reads it here."""

    def declared(self) -> Sequence[Schedule]:
        """The schedules that contracts declare."""

    def next_ms(self, schedule: Schedule) -> int:
        """When a schedule calls next; 0 where it does not."""

    def last_ms(self, schedule: Schedule) -> int:
        """The last time that became an invocation; 0 before the first."""

    def check(self, schedule: Schedule) -> None:
        """Raises ValueError, with what is wrong and what to write, where its times are none."""


class NoSources:
    """Nothing is read and no time is kept: definitions are stored for the nodes that do. Implements ``Sources``."""

    def subscription(self, name: str) -> Subscription.Progress | None:
        """Nobody reads it."""
        return None

    def declared(self) -> Sequence[Schedule]:
        """Contracts are not looked at."""
        return ()

    def next_ms(self, schedule: Schedule) -> int:
        """There is none."""
        return 0

    def last_ms(self, schedule: Schedule) -> int:
        """There was none."""
        return 0

    def check(self, schedule: Schedule) -> None:
        """Takes it as it is."""


class Sample(Protocol):
    """What happened at this node within an interval; times are those from acceptance to end."""

    @property
    def at_ms(self) -> int:
        """When the interval began."""

    @property
    def accepted(self) -> int:
        """Invocations that were accepted."""

    @property
    def succeeded(self) -> int:
        """Invocations that ended with a value."""

    @property
    def failed(self) -> int:
        """Invocations that ended with a terminal error."""

    @property
    def retried(self) -> int:
        """Attempts that failed and are tried again."""

    @property
    def p50_ms(self) -> float:
        """The middle one of all times."""

    @property
    def p99_ms(self) -> float:
        """That of the slowest hundredth."""


class Samples(Protocol):
    """What happened at this node lately."""

    def list(self) -> Sequence[Sample]:
        """One an interval, the oldest first."""


class Query(Protocol):
    """Answers SQL."""

    async def query(self, request: QueryRequest) -> QueryResponse:
        """Answers one SELECT over the views. Raises ValueError, with what is wrong with it, and TimeoutError."""
