"""Invocations of this node as callers see them."""

import asyncio

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import (
    AwakeableFacts,
    EndedInvocation,
    EndpointUnavailable,
    HandlerName,
    HasEnded,
    InvocationName,
    NotAccepted,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.share import Share
from perdure_runtime.node.shares import Shares
from perdure_runtime.partition import ids
from perdure_runtime.partition.entries.awakeable import find_awakeable
from perdure_runtime.partition.input import CancelInvocation, CompleteAwakeable, Input, SignalInvocation, Submit
from perdure_runtime.partition.rows import Ended, IdempotencyKey, Invocation, Target
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import StorageFailure


class Calls:
    """The part of ``peer.port.Residents`` that callers use. All methods raise Moved where the partition is not here."""

    def __init__(self, shares: Shares, invoker: Invoker) -> None:
        self._shares = shares
        self._invoker = invoker

    async def submit(self, submit: Submit) -> str:
        """Accepts a call and returns its invocation id, durable. Raises NotAccepted, AlreadyExists."""
        share = self._shares.of(submit.id)
        _refuse_failed(share)
        accepted = share.waiters.accepted(submit.id)
        share.loop.submit(submit)
        return await accepted

    async def call(self, submit: Submit) -> tuple[str, Outcome]:
        """Accepts a call and waits for its end. Raises NotAccepted, AlreadyExists, EndpointUnavailable."""
        share = self._shares.of(submit.id)
        _refuse_failed(share)
        ended = share.waiters.called(submit.id)
        share.loop.submit(submit)
        try:
            return await ended
        except asyncio.CancelledError:
            share.waiters.abandon(submit.id, ended)
            raise

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits for the end of an invocation. Raises UnknownInvocation, EndpointUnavailable, NotAccepted."""
        share, invocation = self._find(name)
        outcome = share.outcome(invocation.id)
        if outcome is None:
            self._refuse_stuck(invocation.id)
            ended = share.waiters.ended(invocation.id)
            try:
                _, outcome = await ended
            except asyncio.CancelledError:
                share.waiters.abandon(invocation.id, ended)
                raise
        return _ended(invocation, outcome)

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How it ended, or None while it runs. Raises UnknownInvocation."""
        share, invocation = self._find(name)
        outcome = share.outcome(invocation.id)
        return None if outcome is None else _ended(invocation, outcome)

    async def handler_of(self, name: InvocationName) -> HandlerName:
        """Whose an invocation is. Raises UnknownInvocation."""
        _, invocation = self._find(name)
        return HandlerName(invocation.target.service, invocation.target.handler)

    async def cancel(self, name: InvocationName) -> None:
        """Asks an invocation to end; one that has ended is left alone. Raises UnknownInvocation, NotAccepted."""
        share, invocation = self._find(name)
        await _durably(share, CancelInvocation(invocation.id))

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None:
        """Gives an invocation a signal. Raises UnknownInvocation, HasEnded, NotAccepted."""
        share, invocation = self._find(name)
        if isinstance(invocation.status, Ended):
            raise HasEnded(f"{invocation.id} has ended, and takes no signals any more")
        await _durably(share, SignalInvocation(invocation.id, signal, result))

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        """What the oldest wait for a signal takes; None while nobody waits for it. Raises UnknownInvocation."""
        share, invocation = self._find(name)
        if isinstance(invocation.status, Ended):
            return None
        awaited = share.loop.journal(invocation.id).awaited_type(signal)
        return None if awaited is None else AwakeableFacts(invocation.target.service, awaited)

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """What resolves an awakeable. Raises UnknownAwakeable."""
        return self._awakeable(awakeable_id)[1]

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Resolves or rejects an awakeable; one that has its result keeps it. Raises UnknownAwakeable, NotAccepted."""
        share, _ = self._awakeable(awakeable_id)
        await _durably(share, CompleteAwakeable(awakeable_id, result))

    def _awakeable(self, awakeable_id: str) -> tuple[Share, AwakeableFacts]:
        invocation_id = ids.of_awakeable(awakeable_id)
        if invocation_id is None:
            raise UnknownAwakeable(awakeable_id)
        share = self._shares.of(invocation_id)
        invocation = share.loop.latest(invocation_id)
        found = find_awakeable(share.loop.journal(invocation_id), awakeable_id) if invocation is not None else None
        if invocation is None or found is None:
            raise UnknownAwakeable(awakeable_id)
        return share, AwakeableFacts(invocation.target.service, found[1].type)

    def _find(self, name: InvocationName) -> tuple[Share, Invocation]:
        if isinstance(name, WorkflowId):
            share = self._shares.at(self._shares.placement.of_key(name.service, name.id))
            invocation_id = _run_of(share, self._invoker.contracts, name)
        else:
            share, invocation_id = self._shares.of(name), name
        invocation = share.loop.latest(invocation_id) if invocation_id is not None else None
        if invocation is None:
            raise UnknownInvocation(name)
        return share, invocation

    def _refuse_stuck(self, invocation_id: str) -> None:
        connection = self._invoker.stuck(invocation_id)
        if connection is not None:
            raise EndpointUnavailable(invocation_id, connection.address, connection.away)


def _run_of(share: Share, contracts: Contracts, workflow: WorkflowId) -> str | None:
    service = contracts.get(workflow.service)
    run = service.run if service is not None else None
    if run is None:
        return None
    return share.loop.named(IdempotencyKey(Target(workflow.service, run.name, workflow.id), ""))


async def _durably(share: Share, input: Input) -> None:
    _refuse_failed(share)
    try:
        await share.loop.ask(input)
    except StorageFailure as failure:
        raise NotAccepted(str(failure)) from failure


def _refuse_failed(share: Share) -> None:
    fault = share.loop.fault
    if isinstance(fault, Moved):
        raise fault
    if fault is not None:
        raise NotAccepted(str(fault))


def _ended(invocation: Invocation, outcome: Outcome) -> EndedInvocation:
    return EndedInvocation(invocation.id, invocation.target.service, invocation.target.handler, outcome)
