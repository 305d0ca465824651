"""A node in memory: invocations end when the test says so, or as its rule says."""

import asyncio
from collections.abc import Callable, Sequence

from google.protobuf import any_pb2
from google.protobuf.message import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import AlreadyExists, EndedInvocation, InvocationName, Submission

from tests.ingress.told import Told, id_of


def value(message: Message) -> Outcome:
    """An invocation that gives a response."""
    return Outcome(value=message.SerializeToString())


def failure(code: int, message: str, details: Sequence[any_pb2.Any] = ()) -> Outcome:
    """An invocation that ends with a terminal error."""
    return Outcome(failure=Failure(code=code, message=message, details=[each.SerializeToString() for each in details]))


class MemoryInvocations(Told):
    """Implements ``Invocations``.

    Attributes:
        rule: What an invocation ends with at once; None lets it run until ``end``.
        trouble: Raised by whatever is asked next and later.
        submitted: All that was accepted, in order.
        arrived: Set when something was accepted.
        abandoned: Invocations whose caller has stopped to wait.
    """

    def __init__(self, contracts: Contracts) -> None:
        super().__init__()
        self.contracts = contracts
        self.rule: Callable[[Submission], Outcome | None] = lambda submission: None
        self.trouble: Exception | None = None
        self.submitted: list[Submission] = []
        self.abandoned: asyncio.Queue[str] = asyncio.Queue()
        self.arrived = asyncio.Event()
        self._ended: dict[str, tuple[Submission, asyncio.Future[Outcome]]] = {}
        self._keys: dict[tuple[str, str], str] = {}

    async def contracts_changed(self, known: Contracts) -> None:
        """Never: a test has one set of contracts."""
        await asyncio.Event().wait()

    async def submit(self, submission: Submission) -> str:
        """Accepts a call."""
        if self.trouble is not None:
            raise self.trouble
        key = (f"{submission.service}/{submission.handler}", submission.idempotency_key)
        if submission.idempotency_key and key in self._keys:
            return self._keys[key]
        if submission.must_be_new:
            for known, (earlier, _) in self._ended.items():
                if earlier.key == submission.key:
                    raise AlreadyExists(known)
        self.submitted.append(submission)
        invocation_id = f"inv_{len(self.submitted)}"
        self._keys[key] = invocation_id
        self._ended[invocation_id] = (submission, asyncio.get_running_loop().create_future())
        outcome = self.rule(submission)
        if outcome is not None:
            self.end(invocation_id, outcome)
        self.arrived.set()
        return invocation_id

    async def call(self, submission: Submission) -> tuple[str, Outcome]:
        """Accepts a call and waits for its end."""
        invocation_id = await self.submit(submission)
        return invocation_id, (await self.attach(invocation_id)).outcome

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits for the end of an invocation."""
        invocation_id, submission, ended = self._find(name)
        try:
            outcome = await asyncio.shield(ended)
        except asyncio.CancelledError:
            self.abandoned.put_nowait(invocation_id)
            raise
        return EndedInvocation(invocation_id, submission.service, submission.handler, outcome)

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How it ended, or None while it runs."""
        invocation_id, submission, ended = self._find(name)
        if not ended.done():
            return None
        return EndedInvocation(invocation_id, submission.service, submission.handler, ended.result())

    def submission_of(self, name: InvocationName) -> Submission:
        """What became an invocation."""
        return self._find(name)[1]

    def end(self, invocation_id: str, outcome: Outcome) -> None:
        """Ends an invocation."""
        self._ended[invocation_id][1].set_result(outcome)

    def _find(self, name: InvocationName) -> tuple[str, Submission, asyncio.Future[Outcome]]:
        if self.trouble is not None:
            raise self.trouble
        invocation_id = id_of(name, {known: submission for known, (submission, _) in self._ended.items()})
        return invocation_id, *self._ended[invocation_id]
