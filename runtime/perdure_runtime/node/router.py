"""The router: takes every call and every command for an invocation, whichever node of the cluster has it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import (
    AwakeableFacts,
    EndedInvocation,
    EndpointUnavailable,
    HandlerName,
    InDoubt,
    InvocationName,
    NodeStops,
    Submission,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.node.clock import ClockMs, Entropy
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import EditState, SettlePromise, Submit
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import IdempotencyKey, Target
from perdure_runtime.peer.owners import PATIENCE_S, Links, NoOwner, Owners
from perdure_runtime.peer.port import Directory, Moved, PeerUnreachable, Residents

# An owner recognises a call that it has accepted before, as long as it has not forgotten it: for longer than this node
# asks again.
LEAST_RETENTION_MS = 60_000
# So often chance is asked for a place that is here; with one partition in thirty it finds one.
MOST_DRAWS = 64

T = TypeVar("T")


class ContractsSource(Protocol):
    """Where contracts come from."""

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""


class OwnerUnavailable(EndpointUnavailable):
    """An invocation is accepted, or may be, and the node that has it does not answer: the message says which."""

    def __init__(self, invocation_id: str, sentence: str) -> None:
        super().__init__(invocation_id, "", "")
        self.args = (sentence,)


class Router:
    """Implements ``ingress.port.Invocations``, and the part of ``ingress.port.Administration`` that is about one
    invocation: its ``cancel`` is ``stop`` here."""

    def __init__(
        self,
        residents: Residents,
        links: Links,
        directory: Directory,
        placement: Placement,
        contracts: ContractsSource,
        clock_ms: ClockMs,
        entropy: Entropy,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """``residents`` are those of this node; a partition may be without an owner for ``patience_s``."""
        self._owners = Owners(residents, links, directory, patience_s)
        self._placement = placement
        self._contracts = contracts
        self._clock_ms = clock_ms
        self._entropy = entropy

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""
        return self._contracts.contracts

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""
        await self._contracts.contracts_changed(known)

    # What callers ask.

    async def submit(self, submission: Submission) -> str:
        """Accepts a call and returns its invocation id, durable. Raises NotAccepted, AlreadyExists."""
        call = _Call(self._submit(submission))
        return await self._of_id(call.id, call.submit)

    async def call(self, submission: Submission) -> tuple[str, Outcome]:
        """Accepts a call and waits for its end.

        Raises NotAccepted, AlreadyExists, EndpointUnavailable, NodeStops.
        """
        call = _Call(self._submit(submission))
        try:
            return await self._of_id(call.id, call.ask)
        except NoOwner as error:
            if call.accepted:
                raise _goes_on(call.accepted, error) from error
            raise

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits for the end of an invocation. Raises UnknownInvocation, EndpointUnavailable, NodeStops, NotAccepted."""
        return await self._of(name, lambda owner: owner.attach(name))

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How it ended, or None while it runs. Raises UnknownInvocation, NotAccepted."""
        return await self._of(name, lambda owner: owner.output(name))

    async def handler_of(self, name: InvocationName) -> HandlerName:
        """Whose an invocation is. Raises UnknownInvocation, NotAccepted."""
        return await self._of(name, lambda owner: owner.handler_of(name))

    async def cancel(self, name: InvocationName) -> None:
        """Asks an invocation to end; one that has ended is left alone. Raises UnknownInvocation, NotAccepted."""
        await self._of(name, lambda owner: owner.cancel(name))

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None:
        """Gives an invocation a signal, once. Raises UnknownInvocation, HasEnded, NotAccepted."""
        doubt = f"the signal {signal[:100]!r} may have been delivered"
        await self._of(name, _once(lambda owner: owner.signal(name, signal, result), doubt))

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        """What the oldest wait for a signal takes; None while nobody waits for it. Raises UnknownInvocation."""
        return await self._of(name, lambda owner: owner.signal_type(name, signal))

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """What resolves an awakeable. Raises UnknownAwakeable."""
        return await self._of_awakeable(awakeable_id, lambda owner: owner.awakeable_type(awakeable_id))

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Resolves or rejects an awakeable; one that has its result keeps it. Raises UnknownAwakeable, NotAccepted."""
        await self._of_awakeable(awakeable_id, lambda owner: owner.complete_awakeable(awakeable_id, result))

    # What operators ask. They look, and ask again by themselves, where it is not known whether something was done.

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, WrongStatus, NotAccepted."""
        doubt = f"{invocation_id} may have been resumed"
        await self._of_id(invocation_id, _once(lambda owner: owner.resume(invocation_id, on_newest=on_newest), doubt))

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation that has begun. Raises UnknownInvocation, WrongStatus, NotAccepted."""
        doubt = f"{invocation_id} may have been paused"
        await self._of_id(invocation_id, _once(lambda owner: owner.pause(invocation_id), doubt))

    async def stop(self, invocation_id: str) -> None:
        """Asks an invocation to end. Raises UnknownInvocation, WrongStatus, NotAccepted."""
        doubt = f"{invocation_id} may have been cancelled"
        await self._of_id(invocation_id, _once(lambda owner: owner.stop(invocation_id), doubt))

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation, and all that it has called. Raises UnknownInvocation, WrongStatus, NotAccepted."""
        doubt = f"{invocation_id} may have been killed"
        await self._of_id(invocation_id, _once(lambda owner: owner.kill(invocation_id), doubt))

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again, and returns the new one's id.

        Raises UnknownInvocation, WrongStatus, NotAccepted.
        """
        doubt = f"{invocation_id} may have been restarted"
        return await self._of_id(invocation_id, _once(lambda owner: owner.restart(invocation_id, from_entry), doubt))

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation. Raises UnknownInvocation, WrongStatus, NotAccepted."""
        doubt = f"{invocation_id} may have been purged"
        await self._of_id(invocation_id, _once(lambda owner: owner.purge(invocation_id), doubt))

    async def edit_state(self, edit: EditState) -> None:
        """Changes state of a key. Raises WrongStatus, NotAccepted."""
        doubt = f"the state of {edit.service} {edit.key!r} may have been changed"
        partition = self._placement.of_key(edit.service, edit.key)
        await self._owners.ask(partition, _once(lambda owner: owner.edit_state(edit), doubt))

    async def settle_promise(self, settle: SettlePromise) -> None:
        """Gives a promise of a workflow its result. Raises WrongStatus, NotAccepted."""
        doubt = f"promise {settle.name!r} of {settle.service} {settle.key!r} may have been settled"
        partition = self._placement.of_key(settle.service, settle.key)
        await self._owners.ask(partition, _once(lambda owner: owner.settle_promise(settle), doubt))

    # Where it is.

    def _submit(self, submission: Submission) -> Submit:
        handler = self.contracts[submission.service].handlers[submission.handler]
        target = Target(submission.service, submission.handler, submission.key)
        return Submit(
            id=ids.mint(self._clock_ms(), self._entropy(64), self._place(target, submission)),
            target=target,
            mode=handler.mode,
            input=submission.input,
            headers=tuple(submission.headers.items()),
            idempotency_key=submission.idempotency_key,
            delay_ms=submission.delay_ms,
            must_be_new=submission.must_be_new,
            mark=submission.mark,
        )

    def _place(self, target: Target, submission: Submission) -> int:
        if target.key:
            return ids.place_of_key(target.service, target.key)
        if submission.idempotency_key:
            return ids.place_of_name(IdempotencyKey(target, submission.idempotency_key))
        if submission.place is not None:
            return submission.place
        place = self._entropy(16)
        # A call that may be anywhere stays here, where it costs no way to a peer.
        for _ in range(MOST_DRAWS):
            if self._owners.are_here(self._placement.of_place(place)):
                break
            place = self._entropy(16)
        return place

    async def _of(self, name: InvocationName, question: Callable[[Residents], Awaitable[T]]) -> T:
        if isinstance(name, WorkflowId):
            return await self._owners.ask(self._placement.of_key(name.service, name.id), question)
        return await self._of_id(name, question)

    async def _of_id(self, invocation_id: str, question: Callable[[Residents], Awaitable[T]]) -> T:
        return await self._owners.ask(self._placement.of_invocation(invocation_id), question)

    async def _of_awakeable(self, awakeable_id: str, question: Callable[[Residents], Awaitable[T]]) -> T:
        invocation_id = ids.of_awakeable(awakeable_id)
        if invocation_id is None:
            raise UnknownAwakeable(awakeable_id)
        return await self._of_id(invocation_id, question)


class _Call:
    """A call on its way to its end. Once it was accepted, nothing is asked for but that end."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._is_tried = False
        self.accepted = ""

    @property
    def id(self) -> str:
        """What it is called unless it is an older one."""
        return self._submit.id

    async def submit(self, owner: Residents) -> str:
        """Asks an owner to accept it: any number of times, one after the other."""
        try:
            return await owner.submit(self._next_try())
        except PeerUnreachable as error:
            _refuse_in_doubt(self._submit, error)
            raise

    async def ask(self, owner: Residents) -> tuple[str, Outcome]:
        """Asks an owner for the end: any number of times, one after the other."""
        try:
            if self.accepted:
                return self.accepted, (await owner.attach(self.accepted)).outcome
            return await owner.call(self._next_try())
        except Moved as moved:
            self.accepted = self.accepted or moved.accepted
            raise
        except NodeStops as stops:
            self.accepted = stops.invocation_id
            raise
        except PeerUnreachable as error:
            if not self.accepted:
                _refuse_in_doubt(self._submit, error)
            raise
        except UnknownInvocation as error:
            raise OwnerUnavailable(
                self.accepted,
                f"invocation {self.accepted} was accepted and has ended while its partition moved to another node; its "
                "outcome is not kept",
            ) from error

    def _next_try(self) -> Submit:
        # Most calls need one try, and a copy costs microseconds.
        if self._is_tried and not self._submit.repeated:
            self._submit = replace(self._submit, repeated=True)
        self._is_tried = True
        return self._submit


def _once(question: Callable[[Residents], Awaitable[T]], doubt: str) -> Callable[[Residents], Awaitable[T]]:
    """A question that is not repeated where its owner may have acted on it; ``doubt`` says so."""

    async def asked(owner: Residents) -> T:
        try:
            return await question(owner)
        except PeerUnreachable as error:
            if error.sent:
                raise InDoubt(f"{error}; {doubt}, so look before you ask for it again") from error
            raise

    return asked


def _refuse_in_doubt(submit: Submit, error: PeerUnreachable) -> None:
    if error.sent and submit.mode.outcome_retention_ms < LEAST_RETENTION_MS:
        raise OwnerUnavailable(
            submit.id,
            f"{error}; the call may have been accepted as invocation {submit.id}, and is not repeated since its owner "
            f"forgets it {submit.mode.outcome_retention_ms} ms after its end: attach to it by this id",
        ) from error


def _goes_on(invocation_id: str, error: NoOwner) -> OwnerUnavailable:
    return OwnerUnavailable(
        invocation_id,
        f"invocation {invocation_id} is accepted and goes on when its partition has an owner again: attach to it by "
        f"this id, or call again with the same idempotency key; {error}",
    )
