"""The node as callers see it: the ingress's port."""

import asyncio
import secrets

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import (
    EndedInvocation,
    EndpointUnavailable,
    NotAccepted,
    Submission,
    UnknownInvocation,
)
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.waiters import Waiters
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.rows import Ended, Target


class Calls:
    """Implements ``ingress.port.Invocations`` on one partition."""

    def __init__(self, loop: PartitionLoop, invoker: Invoker, waiters: Waiters, clock_ms: ClockMs) -> None:
        self._loop = loop
        self._invoker = invoker
        self._waiters = waiters
        self._clock_ms = clock_ms

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""
        return self._invoker.contracts

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""
        await self._invoker.contracts_changed(known)

    async def submit(self, submission: Submission) -> str:
        """Accepts a call and returns its invocation id, durable. Raises NotAccepted."""
        submit = self._submit(submission)
        accepted = self._waiters.accepted(submit.id)
        self._loop.submit(submit)
        return await accepted

    async def call(self, submission: Submission) -> tuple[str, Outcome]:
        """Accepts a call and waits for its end. Raises NotAccepted, EndpointUnavailable."""
        submit = self._submit(submission)
        ended = self._waiters.called(submit.id)
        self._loop.submit(submit)
        try:
            return await ended
        except asyncio.CancelledError:
            self._waiters.abandon(submit.id, ended)
            raise

    async def attach(self, invocation_id: str) -> EndedInvocation:
        """Waits for the end of an invocation. Raises UnknownInvocation, EndpointUnavailable."""
        target = self._target(invocation_id)
        outcome = self.outcome(invocation_id)
        if outcome is None:
            self._refuse_stuck(invocation_id)
            ended = self._waiters.ended(invocation_id)
            try:
                _, outcome = await ended
            except asyncio.CancelledError:
                self._waiters.abandon(invocation_id, ended)
                raise
        return EndedInvocation(target.service, target.handler, outcome)

    async def output(self, invocation_id: str) -> EndedInvocation | None:
        """How it ended, or None while it runs. Raises UnknownInvocation."""
        target = self._target(invocation_id)
        outcome = self.outcome(invocation_id)
        return None if outcome is None else EndedInvocation(target.service, target.handler, outcome)

    def outcome(self, invocation_id: str) -> Outcome | None:
        """The durable outcome of an invocation, or None."""
        stored = self._loop.stored(invocation_id)
        return stored.status.outcome if stored is not None and isinstance(stored.status, Ended) else None

    def _submit(self, submission: Submission) -> Submit:
        if self._loop.failure:
            raise NotAccepted(self._loop.failure)
        handler = self.contracts[submission.service].handlers[submission.handler]
        now_ms = self._clock_ms()
        return Submit(
            id=ids.mint(now_ms, secrets.randbits(80), submission.service, submission.key),
            target=Target(submission.service, submission.handler, submission.key),
            exclusive=handler.exclusive,
            input=submission.input,
            headers=tuple(submission.headers.items()),
            idempotency_key=submission.idempotency_key,
            delay_ms=submission.delay_ms,
        )

    def _target(self, invocation_id: str) -> Target:
        invocation = self._loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        return invocation.target

    def _refuse_stuck(self, invocation_id: str) -> None:
        connection = self._invoker.stuck(invocation_id)
        if connection is not None:
            raise EndpointUnavailable(invocation_id, connection.address, connection.away)
