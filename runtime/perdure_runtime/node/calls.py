"""The node as callers see it: the ingress's port."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import (
    AwakeableFacts,
    EndedInvocation,
    EndpointUnavailable,
    HasEnded,
    InvocationName,
    NotAccepted,
    Submission,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.waiters import Waiters
from perdure_runtime.partition import ids
from perdure_runtime.partition.entries.awakeable import find_awakeable
from perdure_runtime.partition.input import CancelInvocation, CompleteAwakeable, Input, SignalInvocation, Submit
from perdure_runtime.partition.rows import Ended, IdempotencyKey, Invocation, Target
from perdure_runtime.storage.api import StorageFailure

# So many random bits, as a number.
Entropy: TypeAlias = Callable[[int], int]


class Calls:
    """Implements ``ingress.port.Invocations`` on one partition."""

    def __init__(
        self,
        loop: PartitionLoop,
        invoker: Invoker,
        waiters: Waiters,
        clock_ms: ClockMs,
        entropy: Entropy = secrets.randbits,
    ) -> None:
        self._loop = loop
        self._invoker = invoker
        self._waiters = waiters
        self._clock_ms = clock_ms
        self._entropy = entropy

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""
        return self._invoker.contracts

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""
        await self._invoker.contracts_changed(known)

    async def submit(self, submission: Submission) -> str:
        """Accepts a call and returns its invocation id, durable. Raises NotAccepted, AlreadyExists."""
        submit = self._submit(submission)
        accepted = self._waiters.accepted(submit.id)
        self._loop.submit(submit)
        return await accepted

    async def call(self, submission: Submission) -> tuple[str, Outcome]:
        """Accepts a call and waits for its end. Raises NotAccepted, AlreadyExists, EndpointUnavailable."""
        submit = self._submit(submission)
        ended = self._waiters.called(submit.id)
        self._loop.submit(submit)
        try:
            return await ended
        except asyncio.CancelledError:
            self._waiters.abandon(submit.id, ended)
            raise

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits for the end of an invocation. Raises UnknownInvocation, EndpointUnavailable, NotAccepted."""
        invocation = self._find(name)
        outcome = self.outcome(invocation.id)
        if outcome is None:
            self._refuse_stuck(invocation.id)
            ended = self._waiters.ended(invocation.id)
            try:
                _, outcome = await ended
            except asyncio.CancelledError:
                self._waiters.abandon(invocation.id, ended)
                raise
        return _ended(invocation, outcome)

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How it ended, or None while it runs. Raises UnknownInvocation."""
        invocation = self._find(name)
        outcome = self.outcome(invocation.id)
        return None if outcome is None else _ended(invocation, outcome)

    async def cancel(self, name: InvocationName) -> None:
        """Asks an invocation to end; one that has ended is left alone. Raises UnknownInvocation, NotAccepted."""
        await self._durably(CancelInvocation(self._find(name).id))

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None:
        """Gives an invocation a signal. Raises UnknownInvocation, HasEnded, NotAccepted."""
        invocation = self._find(name)
        if isinstance(invocation.status, Ended):
            raise HasEnded(f"{invocation.id} has ended, and takes no signals any more")
        await self._durably(SignalInvocation(invocation.id, signal, result))

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        """What the oldest wait for a signal takes; None while nobody waits for it. Raises UnknownInvocation."""
        invocation = self._find(name)
        if isinstance(invocation.status, Ended):
            return None
        awaited = self._loop.journal(invocation.id).awaited_type(signal)
        return None if awaited is None else AwakeableFacts(invocation.target.service, awaited)

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """What resolves an awakeable. Raises UnknownAwakeable."""
        invocation_id = ids.of_awakeable(awakeable_id)
        invocation = self._loop.latest(invocation_id) if invocation_id is not None else None
        if invocation is None:
            raise UnknownAwakeable(awakeable_id)
        found = find_awakeable(self._loop.journal(invocation.id), awakeable_id)
        if found is None:
            raise UnknownAwakeable(awakeable_id)
        return AwakeableFacts(invocation.target.service, found[1].type)

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Resolves or rejects an awakeable; one that has its result keeps it. Raises UnknownAwakeable, NotAccepted."""
        await self.awakeable_type(awakeable_id)
        await self._durably(CompleteAwakeable(awakeable_id, result))

    def outcome(self, invocation_id: str) -> Outcome | None:
        """The durable outcome of an invocation, or None."""
        stored = self._loop.stored(invocation_id)
        return stored.status.outcome if stored is not None and isinstance(stored.status, Ended) else None

    async def _durably(self, input: Input) -> None:
        self._refuse_failed()
        try:
            await self._loop.ask(input)
        except StorageFailure as failure:
            raise NotAccepted(str(failure)) from failure

    def _submit(self, submission: Submission) -> Submit:
        self._refuse_failed()
        handler = self.contracts[submission.service].handlers[submission.handler]
        now_ms = self._clock_ms()
        return Submit(
            id=ids.mint(now_ms, self._entropy(80), submission.service, submission.key),
            target=Target(submission.service, submission.handler, submission.key),
            mode=handler.mode,
            input=submission.input,
            headers=tuple(submission.headers.items()),
            idempotency_key=submission.idempotency_key,
            delay_ms=submission.delay_ms,
            must_be_new=submission.must_be_new,
        )

    def _refuse_failed(self) -> None:
        if self._loop.failure:
            raise NotAccepted(self._loop.failure)

    def _find(self, name: InvocationName) -> Invocation:
        invocation_id = self._run_of(name) if isinstance(name, WorkflowId) else name
        invocation = self._loop.latest(invocation_id) if invocation_id is not None else None
        if invocation is None:
            raise UnknownInvocation(name)
        return invocation

    def _run_of(self, workflow: WorkflowId) -> str | None:
        service = self.contracts.get(workflow.service)
        run = service.run if service is not None else None
        if run is None:
            return None
        return self._loop.named(IdempotencyKey(Target(workflow.service, run.name, workflow.id), ""))

    def _refuse_stuck(self, invocation_id: str) -> None:
        connection = self._invoker.stuck(invocation_id)
        if connection is not None:
            raise EndpointUnavailable(invocation_id, connection.address, connection.away)


def _ended(invocation: Invocation, outcome: Outcome) -> EndedInvocation:
    return EndedInvocation(invocation.id, invocation.target.service, invocation.target.handler, outcome)
