"""What the ingress asks of the node that it stands in front of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from perdure_protos.perdure.protocol.v1 import journal_pb2

from perdure_runtime.contracts import Contracts
from perdure_runtime.partition.rows import Mark


@dataclass(frozen=True, slots=True)
class WorkflowId:
    """Names the run of a workflow."""

    service: str
    id: str


# An invocation by its id, or the run of a workflow.
InvocationName: TypeAlias = str | WorkflowId


@dataclass(frozen=True, slots=True)
class Submission:
    """A call that has been checked against its contract.

    ``input`` is the serialised request message; ``delay_ms`` of 0 starts at once. ``must_be_new`` is for the run of a
    workflow: it refuses an id that has run, where the default attaches to that run. What a source brings has its
    ``mark``, and a ``place`` (16 bits), which tells where an invocation without a key goes: to the same partition each
    time it is brought.
    """

    service: str
    handler: str
    key: str
    input: bytes
    idempotency_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_ms: int = 0
    must_be_new: bool = False
    mark: Mark | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class EndedInvocation:
    """An invocation that has ended: whose it was, which tells how its outcome is to be read."""

    invocation_id: str
    service: str
    handler: str
    outcome: journal_pb2.Outcome


@dataclass(frozen=True, slots=True)
class HandlerName:
    """A handler of a service."""

    service: str
    handler: str


@dataclass(frozen=True, slots=True)
class AwakeableFacts:
    """Who waits for an awakeable or a signal: the handler's service, and the full name of the message that it takes."""

    service: str
    type: str


class EndpointUnavailable(Exception):
    """The invocation is journaled, but the endpoint that runs it has not answered for a while."""

    def __init__(self, invocation_id: str, address: str, reason: str) -> None:
        super().__init__(
            f"invocation {invocation_id} is accepted and will run when the endpoint at {address} answers again "
            f"({reason}); attach to it by this id, or call again with the same idempotency key"
        )
        self.invocation_id = invocation_id


class NodeStops(Exception):
    """The invocation is journaled, but this node stops before it has ended."""

    def __init__(self, invocation_id: str) -> None:
        super().__init__(
            f"the node stops; invocation {invocation_id} is accepted and goes on when the node is back: attach to it "
            "by this id, or call again with the same idempotency key"
        )
        self.invocation_id = invocation_id


class NotAccepted(Exception):
    """The node could not make the call durable; the message says why. Trying again may help."""


class InDoubt(NotAccepted):
    """Nobody can say whether the node has done what it was asked; the message says what to look at first."""


class UnknownInvocation(Exception):
    """No invocation has this id: it never existed, or its retention is over."""


class HasEnded(Exception):
    """The invocation has ended, so that nothing can be told to it any more."""


class UnknownAwakeable(Exception):
    """No awakeable has this id: it never existed, or its invocation has ended."""


class AlreadyExists(Exception):
    """The workflow id has run, and its caller wanted a new run."""

    def __init__(self, invocation_id: str) -> None:
        super().__init__(invocation_id)
        self.invocation_id = invocation_id


class Invocations(Protocol):
    """The node, as callers see it. All methods return once what they promise is durable."""

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""

    async def submit(self, submission: Submission) -> str:
        """Accepts a call and returns its invocation id: an older one's where the idempotency key says so.

        The id is durable when this returns. Raises NotAccepted, AlreadyExists.
        """

    async def call(self, submission: Submission) -> tuple[str, journal_pb2.Outcome]:
        """Accepts a call, waits for its end, and returns its id and outcome.

        Raises NotAccepted, AlreadyExists, EndpointUnavailable, NodeStops.

        When the waiting task is cancelled the invocation goes on.
        """

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits for the end of an invocation.

        Raises UnknownInvocation, EndpointUnavailable, NodeStops, and NotAccepted where it was never durable.
        """

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How it ended, or None while it runs. Raises UnknownInvocation."""

    async def handler_of(self, name: InvocationName) -> HandlerName:
        """Whose an invocation is. Raises UnknownInvocation."""

    async def cancel(self, name: InvocationName) -> None:
        """Asks an invocation to end; one that has ended stays as it is. Raises UnknownInvocation, NotAccepted."""

    async def signal(self, name: InvocationName, signal: str, result: journal_pb2.Outcome) -> None:
        """Gives an invocation a signal. Raises UnknownInvocation, HasEnded, NotAccepted."""

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        """What the oldest wait for a signal takes; None while nobody waits for it. Raises UnknownInvocation."""

    async def complete_awakeable(self, awakeable_id: str, result: journal_pb2.Outcome) -> None:
        """Gives an awakeable its result; one that has it keeps it. Raises UnknownAwakeable, NotAccepted."""

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """Whose an awakeable is, and what it takes. Raises UnknownAwakeable."""


class UnknownDeployment(Exception):
    """No deployment has this id."""


class DeploymentInUse(Exception):
    """A deployment has work that has not ended; the message names it."""


class RegistrationRefused(Exception):
    """An endpoint could not be registered; the message says why and what to do."""


class WrongStatus(Exception):
    """An invocation is in no status for what is asked; the message says which it is in, and what to do."""


class NotPaused(WrongStatus):
    """Only a paused invocation can be resumed."""
