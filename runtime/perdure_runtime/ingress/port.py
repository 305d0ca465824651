"""What the ingress asks of the node that it stands in front of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from perdure_protos.perdure.admin.v1 import admin_pb2
from perdure_protos.perdure.protocol.v1 import journal_pb2

from perdure_runtime.contracts import Contracts


@dataclass(frozen=True, slots=True)
class Submission:
    """A call that has been checked against its contract.

    ``input`` is the serialised request message; ``delay_ms`` of 0 starts at once.
    """

    service: str
    handler: str
    key: str
    input: bytes
    idempotency_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class EndedInvocation:
    """An invocation that has ended: whose it was, which tells how its outcome is to be read."""

    service: str
    handler: str
    outcome: journal_pb2.Outcome


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


class UnknownInvocation(Exception):
    """No invocation has this id: it never existed, or its retention is over."""


class Invocations(Protocol):
    """The node, as callers see it. All methods return once what they promise is durable."""

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""

    async def submit(self, submission: Submission) -> str:
        """Accepts a call and returns its invocation id: an older one's where the idempotency key says so.

        The id is durable when this returns. Raises NotAccepted.
        """

    async def call(self, submission: Submission) -> tuple[str, journal_pb2.Outcome]:
        """Accepts a call, waits for its end, and returns its id and outcome.

        Raises NotAccepted, EndpointUnavailable, NodeStops.

        When the waiting task is cancelled the invocation goes on.
        """

    async def attach(self, invocation_id: str) -> EndedInvocation:
        """Waits for the end of an invocation. Raises UnknownInvocation, EndpointUnavailable, NodeStops."""

    async def output(self, invocation_id: str) -> EndedInvocation | None:
        """How it ended, or None while it runs. Raises UnknownInvocation."""


class Administration(Protocol):
    """The node, as operators see it."""

    async def register(self, address: str) -> admin_pb2.Deployment:
        """Discovers the endpoint at ``host:port`` and routes its services there. Raises RegistrationRefused."""

    async def deployments(self) -> list[admin_pb2.Deployment]:
        """All deployments, oldest first."""

    async def resume(self, invocation_id: str) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, NotPaused."""


class RegistrationRefused(Exception):
    """An endpoint could not be registered; the message says why and what to do."""


class NotPaused(Exception):
    """Only a paused invocation can be resumed."""
