"""From a checked request to the answer of the node: what both transports do with a call."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from grpclib.const import Status
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome

from perdure_runtime.contracts import Contracts, HandlerFacts, HandlerKind
from perdure_runtime.ingress.gate import permit_call
from perdure_runtime.ingress.messages import MessageType, awaited
from perdure_runtime.ingress.port import (
    EndedInvocation,
    InvocationName,
    Invocations,
    Submission,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.ingress.refusal import Refusal, terminal
from perdure_runtime.ingress.trouble import TROUBLES, refusal_of, shown
from perdure_runtime.ingress.unknown import run_of, unknown_handler
from perdure_runtime.ingress.wishes import Wishes
from perdure_runtime.telemetry.tracing import Tracing

T = TypeVar("T")

LONGEST_SIGNAL = 1_024


@dataclass(frozen=True, slots=True)
class Answer:
    """The invocation that a call has become, and the response message: None for a one-way send."""

    invocation_id: str
    value: bytes | None


class Desk:
    """Takes calls to the node. All methods raise Refusal, and nothing else that they foresee.

    What has a ``timeout_s`` gives up after so long; None waits as long as it takes.
    """

    def __init__(self, invocations: Invocations, tracing: Tracing | None = None) -> None:
        self._invocations = invocations
        self._tracing = tracing

    @property
    def contracts(self) -> Contracts:
        """What can be called now, private handlers included."""
        return self._invocations.contracts

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until there is more to call than these."""
        await self._invocations.contracts_changed(known)

    def handler(self, path: str) -> HandlerFacts:
        """The public handler at a path such as "/shop.v1.OrderService/Process"."""
        contracts = self._invocations.contracts
        handler = contracts.handlers.get(path)
        if handler is None or not handler.public:
            raise unknown_handler(contracts, path)
        return handler

    async def call(
        self, handler: HandlerFacts, request: Message, input: bytes, wishes: Wishes, timeout_s: float | None
    ) -> Answer:
        """Makes a call and waits for its end. ``input`` is ``request``, serialised."""
        permit_call(handler.service)
        if self._tracing is None:
            return await self._call(handler, request, input, wishes, timeout_s)
        entry = self._tracing.entry(handler.service, handler.name, wishes.headers, one_way=wishes.one_way)
        with entry as span:
            try:
                answer = await self._call(handler, request, input, replace(wishes, headers=span.headers), timeout_s)
            except Refusal as refusal:
                span.accepted(refusal.invocation_id)
                span.refused(refusal.code.name, refusal.message)
                raise
            span.accepted(answer.invocation_id)
            return answer

    async def _call(
        self, handler: HandlerFacts, request: Message, input: bytes, wishes: Wishes, timeout_s: float | None
    ) -> Answer:
        if wishes.must_be_new and handler.kind is not HandlerKind.RUN:
            raise _never_new(handler)
        submission = Submission(
            service=handler.service,
            handler=handler.name,
            key=key_of(handler, request) if handler.key_field is not None else "",
            input=input,
            idempotency_key=wishes.idempotency_key,
            headers=wishes.headers,
            delay_ms=wishes.delay_ms,
            must_be_new=wishes.must_be_new,
        )
        if wishes.one_way:
            return Answer(await self._ask(self._invocations.submit(submission), timeout_s, "", _not_accepted), None)
        if timeout_s is None:
            invocation_id, outcome = await self._ask(self._invocations.call(submission), None, "", _not_accepted)
        else:
            # In two parts, since who runs out of time is told the id.
            deadline = asyncio.get_running_loop().time() + timeout_s
            invocation_id = await self._ask(self._invocations.submit(submission), timeout_s, "", _not_accepted)
            left_s = deadline - asyncio.get_running_loop().time()
            ended = await self._ask(self._invocations.attach(invocation_id), left_s, invocation_id, _still_runs)
            outcome = ended.outcome
        return Answer(invocation_id, value_of(outcome, invocation_id))

    async def attach(self, name: InvocationName, timeout_s: float | None) -> EndedInvocation:
        """Waits for the end of an invocation."""
        asked = self._permitted(name, self._invocations.attach)
        return await self._ask(asked, timeout_s, name, _still_runs)

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How an invocation has ended, or None while it runs."""
        return await self._ask(self._permitted(name, self._invocations.output), None, name, _still_runs)

    async def cancel(self, name: InvocationName, timeout_s: float | None) -> None:
        """Asks an invocation to end."""
        await self._ask(self._permitted(name, self._invocations.cancel), timeout_s, name, _not_told)

    async def signal(
        self, name: InvocationName, signal: str, value: bytes, timeout_s: float | None, type: str = ""
    ) -> None:
        """Gives an invocation a signal; ``value`` is its message, serialised, and ``type`` what it is, if known."""
        if not 0 < len(signal) <= LONGEST_SIGNAL:
            raise Refusal(
                Status.INVALID_ARGUMENT,
                f"the name of the signal has {len(signal)} characters; use 1 to {LONGEST_SIGNAL}: the name that the "
                "handler waits for",
            )
        asked = self._permitted(name, lambda name: self._invocations.signal_type(name, signal))
        facts = await self._ask(asked, None, name, _not_told)
        if facts is not None:
            # Whoever waits for it could never read another message. What comes before its wait is checked by that.
            if type and type != facts.type:
                raise _other_signal(name, signal, facts.type, type)
            message = awaited(self._invocations.contracts, facts)
            if message is not None:
                message.check(value)
        await self._ask(self._invocations.signal(name, signal, Outcome(value=value)), timeout_s, name, _not_told)

    async def awaited(self, awakeable_id: str) -> MessageType | None:
        """What an awakeable takes; None where the contract of its service is not registered any more."""
        facts = await self._ask(self._invocations.awakeable_type(awakeable_id), None, awakeable_id, _not_told)
        return awaited(self._invocations.contracts, facts)

    async def resolve(self, awakeable_id: str, value: bytes, timeout_s: float | None) -> None:
        """Gives an awakeable its message, serialised, which is checked to be what it takes."""
        await self._complete(awakeable_id, Outcome(value=value), timeout_s)

    async def reject(self, awakeable_id: str, message: str, code: Status, timeout_s: float | None) -> None:
        """Gives an awakeable a terminal error."""
        if code is Status.OK:
            raise Refusal(
                Status.INVALID_ARGUMENT,
                "an awakeable is not rejected with OK: resolve it, or give the code of an error",
            )
        failure = Failure(code=code.value, message=message)
        await self._complete(awakeable_id, Outcome(failure=failure), timeout_s)

    async def _complete(self, awakeable_id: str, result: Outcome, timeout_s: float | None) -> None:
        asked = self._invocations.complete_awakeable(awakeable_id, result)
        await self._ask(asked, timeout_s, awakeable_id, _not_told)

    async def _permitted(self, name: InvocationName, question: Callable[[InvocationName], Awaitable[T]]) -> T:
        """Asks about an invocation: not about one whose handler the caller cannot call, even where its id is known."""
        if isinstance(name, WorkflowId):
            permit_call(run_of(self._invocations.contracts, name.service).service)
        else:
            await self._permit(name)
        return await question(name)

    async def _permit(self, name: str) -> None:
        found = await self._invocations.handler_of(name)
        handler = self._invocations.contracts.handlers.get(f"/{found.service}/{found.handler}")
        if handler is None:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"the contract of {shown(name)} is not registered any more, so that nobody knows whether callers may "
                "ask about it; register an endpoint that has it, or ask at the admin API",
            )
        if not handler.public:
            raise UnknownInvocation(name)
        permit_call(found.service)

    async def _ask(
        self,
        question: Awaitable[T],
        timeout_s: float | None,
        name: InvocationName,
        late: Callable[[InvocationName], Refusal],
    ) -> T:
        """Waits for the node, and says its errors in the words of callers; ``late`` is said when the time is over."""
        try:
            if timeout_s is None:
                return await question
            async with asyncio.timeout(max(timeout_s, 0)) as timeout:
                return await question
        except TROUBLES as error:
            raise refusal_of(error, name) from error
        except TimeoutError as error:
            if timeout_s is None or not timeout.expired():
                raise
            raise late(name) from error


def parse(handler: HandlerFacts, input: bytes) -> Message:
    """Reads a serialised request. Raises Refusal."""
    try:
        return handler.request.FromString(input)
    except DecodeError as error:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"the request is no {handler.request.DESCRIPTOR.full_name}: {error}; "
            f"send the message that {handler.service}/{handler.name} takes",
        ) from error


def value_of(outcome: Outcome, invocation_id: str) -> bytes:
    """The response of an ended invocation. Raises its terminal error as a Refusal."""
    if outcome.HasField("failure"):
        raise terminal(outcome.failure, invocation_id)
    return outcome.value


def key_of(handler: HandlerFacts, request: Message) -> str:
    """The key that a request of an object or a workflow names. Raises Refusal."""
    assert handler.key_field is not None
    key: str = getattr(request, handler.key_field)
    if not key:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"{request.DESCRIPTOR.full_name}.{handler.key_field} is empty; it is the key of the "
            f"{handler.service_kind.value} that {handler.service}/{handler.name} runs on",
        )
    return key


def _never_new(handler: HandlerFacts) -> Refusal:
    return Refusal(
        Status.INVALID_ARGUMENT,
        f"perdure-must-be-new is for runs of workflows, which are made once for each id; every call of "
        f"{handler.service}/{handler.name} is a new one: leave it out",
    )


def _other_signal(name: InvocationName, signal: str, awaited_type: str, said: str) -> Refusal:
    return Refusal(
        Status.INVALID_ARGUMENT,
        f"{shown(name)} waits for {signal[:100]!r} with a {awaited_type}, and this is a {said}; send the former",
    )


def _not_accepted(name: InvocationName) -> Refusal:
    return Refusal(
        Status.DEADLINE_EXCEEDED,
        "the deadline passed before the call was known to be durable; call again with an idempotency-key "
        "to be sure that it runs once",
    )


def _still_runs(name: InvocationName) -> Refusal:
    return Refusal(
        Status.DEADLINE_EXCEEDED,
        f"the deadline passed before {shown(name)} ended; it goes on, and can be attached to again",
        invocation_id=name if isinstance(name, str) else "",
    )


def _not_told(name: InvocationName) -> Refusal:
    return Refusal(
        Status.DEADLINE_EXCEEDED,
        "the deadline passed before this was known to be durable; it may still happen",
    )
