"""From a checked request to the answer of the node: what both transports do with a call."""

import asyncio
import difflib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from grpclib.const import Status
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.ingress.port import (
    EndedInvocation,
    EndpointUnavailable,
    Invocations,
    NodeStops,
    NotAccepted,
    Submission,
    UnknownInvocation,
)
from perdure_runtime.ingress.refusal import Refusal, terminal
from perdure_runtime.ingress.wishes import Wishes

T = TypeVar("T")

# Looking for near names costs time that grows with their length; no real path is longer.
LONGEST_PATH = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """The invocation that a call has become, and the response message: None for a one-way send."""

    invocation_id: str
    value: bytes | None


class Desk:
    """Takes calls to the node. All methods raise Refusal, and nothing else that they foresee."""

    def __init__(self, invocations: Invocations) -> None:
        self._invocations = invocations

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
            raise _unknown(contracts, path)
        return handler

    async def call(
        self, handler: HandlerFacts, request: Message, input: bytes, wishes: Wishes, timeout_s: float | None
    ) -> Answer:
        """Makes a call and waits for its end, for ``timeout_s`` at most. ``input`` is ``request``, serialised."""
        submission = Submission(
            service=handler.service,
            handler=handler.name,
            key=_key(handler, request) if handler.key_field is not None else "",
            input=input,
            idempotency_key=wishes.idempotency_key,
            headers=wishes.headers,
            delay_ms=wishes.delay_ms,
        )
        if wishes.one_way:
            return Answer(await self._ask(self._invocations.submit(submission), timeout_s), None)
        if timeout_s is None:
            invocation_id, outcome = await self._ask(self._invocations.call(submission), None)
        else:
            # In two parts, since who runs out of time is told the id.
            deadline = asyncio.get_running_loop().time() + timeout_s
            invocation_id = await self._ask(self._invocations.submit(submission), timeout_s)
            left_s = deadline - asyncio.get_running_loop().time()
            outcome = (await self._ask(self._invocations.attach(invocation_id), left_s, invocation_id)).outcome
        return Answer(invocation_id, value_of(outcome, invocation_id))

    async def attach(self, invocation_id: str, timeout_s: float | None) -> EndedInvocation:
        """Waits for the end of an invocation, for ``timeout_s`` at most."""
        return await self._ask(self._invocations.attach(invocation_id), timeout_s, invocation_id)

    async def output(self, invocation_id: str) -> EndedInvocation | None:
        """How an invocation has ended, or None while it runs."""
        return await self._ask(self._invocations.output(invocation_id), None, invocation_id)

    async def _ask(self, question: Awaitable[T], timeout_s: float | None, invocation_id: str = "") -> T:
        """Waits for the node, and says its errors in the words of callers."""
        try:
            if timeout_s is None:
                return await question
            async with asyncio.timeout(max(timeout_s, 0)) as timeout:
                return await question
        except (EndpointUnavailable, NodeStops) as error:
            raise Refusal(Status.UNAVAILABLE, str(error), invocation_id=error.invocation_id) from error
        except NotAccepted as error:
            raise Refusal(Status.UNAVAILABLE, f"the call was not accepted: {error}; try again") from error
        except UnknownInvocation as error:
            raise Refusal(
                Status.NOT_FOUND,
                f"there is no invocation {invocation_id[:100]!r}: it never existed, or its retention is over",
            ) from error
        except TimeoutError as error:
            if timeout_s is None or not timeout.expired():
                raise
            raise _out_of_time(invocation_id) from error


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


def _key(handler: HandlerFacts, request: Message) -> str:
    assert handler.key_field is not None
    key: str = getattr(request, handler.key_field)
    if not key:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"{request.DESCRIPTOR.full_name}.{handler.key_field} is empty; it is the key of the "
            f"{handler.service_kind.value} that {handler.service}/{handler.name} runs on",
        )
    return key


def _out_of_time(invocation_id: str) -> Refusal:
    if not invocation_id:
        return Refusal(
            Status.DEADLINE_EXCEEDED,
            "the deadline passed before the call was known to be durable; call again with an idempotency-key "
            "to be sure that it runs once",
        )
    return Refusal(
        Status.DEADLINE_EXCEEDED,
        f"the deadline passed before invocation {invocation_id} ended; it goes on, and can be attached to by this id",
        invocation_id=invocation_id,
    )


def _unknown(contracts: Contracts, path: str) -> Refusal:
    service_name, slash, method = path.removeprefix("/").partition("/")
    visible = [service.name for service in contracts.values() if service.visible]
    if service_name in visible:
        handlers = [handler.name for handler in contracts[service_name].handlers.values() if handler.public]
        sentence = f"{service_name} has no handler {method[:LONGEST_PATH]!r}; it has {', '.join(handlers)}"
    elif not slash or not service_name:
        sentence = f"{path[:LONGEST_PATH]!r} names no handler; call /package.Service/Method"
    elif not visible:
        sentence = (
            f"no service {service_name[:LONGEST_PATH]!r} is registered, nor any other; start an endpoint "
            "and run: perdure deployments register HOST:PORT"
        )
    else:
        near = difflib.get_close_matches(service_name, visible, 3, 0.5) if len(path) <= LONGEST_PATH else []
        hint = f"did you mean {' or '.join(near)}?" if near else f"registered are {', '.join(visible[:10])}"
        sentence = f"no service {service_name[:LONGEST_PATH]!r} is registered; {hint}"
    return Refusal(Status.UNIMPLEMENTED, sentence, http_status=404)
