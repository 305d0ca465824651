"""What callers tell invocations, kept by a node in memory."""

from collections.abc import Mapping

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.ingress.port import (
    AwakeableFacts,
    HandlerName,
    HasEnded,
    InvocationName,
    Submission,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)


class Told:
    """The part of ``ingress.port.Invocations`` that tells. Fakes of nodes derive from it.

    Attributes:
        known: Invocations that can be told something.
        ended: Those of them that have ended.
        owner: Whose they are.
        awakeables: What awakeables there are.
        awaited: What signals are waited for, by whom and which.
        cancelled: Who was cancelled, in order.
        signals: Who was signalled: by whose name, with which signal, and what it carried.
        completed: Which awakeables were completed, with what.
    """

    def __init__(self) -> None:
        self.known: set[InvocationName] = set()
        self.ended: set[InvocationName] = set()
        self.owner = HandlerName("shop.v1.Orders", "Process")
        self.awakeables: dict[str, AwakeableFacts] = {}
        self.awaited: dict[tuple[InvocationName, str], AwakeableFacts] = {}
        self.cancelled: list[InvocationName] = []
        self.signals: list[tuple[InvocationName, str, Outcome]] = []
        self.completed: list[tuple[str, Outcome]] = []

    async def handler_of(self, name: InvocationName) -> HandlerName:
        """Whose it is."""
        if name in self.known:
            return self.owner
        submission = self.submission_of(name)
        return HandlerName(submission.service, submission.handler)

    def submission_of(self, name: InvocationName) -> Submission:
        """What became an invocation."""
        raise UnknownInvocation(name)

    async def cancel(self, name: InvocationName) -> None:
        """Keeps who was cancelled."""
        self._check(name)
        self.cancelled.append(name)

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None:
        """Keeps the signal."""
        self._check(name)
        if name in self.ended:
            raise HasEnded
        self.signals.append((name, signal, result))

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        """Looks it up."""
        self._check(name)
        return self.awaited.get((name, signal))

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Keeps the result."""
        await self.awakeable_type(awakeable_id)
        self.completed.append((awakeable_id, result))

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """Looks it up."""
        if awakeable_id not in self.awakeables:
            raise UnknownAwakeable(awakeable_id)
        return self.awakeables[awakeable_id]

    def _check(self, name: InvocationName) -> None:
        if name not in self.known:
            raise UnknownInvocation(name)


def id_of(name: InvocationName, submissions: Mapping[str, Submission]) -> str:
    """The id of an invocation among these. Raises UnknownInvocation."""
    if isinstance(name, str):
        if name not in submissions:
            raise UnknownInvocation(name)
        return name
    for invocation_id, submission in submissions.items():
        if WorkflowId(submission.service, submission.key) == name and submission.handler == "Run":
            return invocation_id
    raise UnknownInvocation(name)
