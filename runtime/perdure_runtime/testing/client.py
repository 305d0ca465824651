"""The client of a test: calls reach the node in memory, private handlers included."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeVar

import betterproto
from perdure import codec
from perdure.calls import Call, Caller, InvocationHandle, InvocationName, WorkflowRun
from perdure.errors import PerdureError, StatusCode, TerminalError, UsageError
from perdure.failures import error_of, failure_of
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.ingress.port import EndedInvocation, Invocations, Submission, WorkflowId
from perdure_runtime.ingress.port import InvocationName as PortName
from perdure_runtime.ingress.trouble import TROUBLES, refusal_of
from perdure_runtime.testing.errors import HandlerFailed
from perdure_runtime.testing.pace import Pace
from perdure_runtime.testing.record import Record

T = TypeVar("T")
M = TypeVar("M", bound=betterproto.Message)


class TestClient(Caller):
    """Generated clients take it in place of a ``perdure.Client``."""

    __test__ = False  # pytest looks at classes of this name.

    def __init__(
        self, calls: Invocations, pace: Pace, record: Record, final_failures: Mapping[str, PerdureError]
    ) -> None:
        """``final_failures`` are what ended invocations whose first failure was their last."""
        self._calls = calls
        self._pace = pace
        self._record = record
        self._final_failures = final_failures

    def handle(self, invocation_id: str, response: type[M]) -> InvocationHandle[M]:
        """The handle of an invocation whose id is known, and whose handler gives ``response``."""
        return InvocationHandle(self, invocation_id, partial(codec.decode, response))

    async def resolve_awakeable(self, awakeable_id: str, message: betterproto.Message) -> None:
        """Gives a handler what it waits for; the first result stays.

        Raises:
            TerminalError: NOT_FOUND: there is no such awakeable, or INVALID_ARGUMENT: it takes another message.
        """
        takes, given = await self._taken_by(awakeable_id), codec.full_name(type(message))
        if takes != given:
            raise TerminalError(f"awakeable {awakeable_id} takes a {takes}, not a {given}", StatusCode.INVALID_ARGUMENT)
        await self._calls.complete_awakeable(awakeable_id, Outcome(value=codec.encode(message)))

    async def reject_awakeable(self, awakeable_id: str, message: str, code: StatusCode = StatusCode.UNKNOWN) -> None:
        """Makes an awakeable raise a TerminalError in its handler.

        Raises:
            TerminalError: NOT_FOUND: there is no such awakeable.
            UsageError: The code is OK.
        """
        if code is StatusCode.OK:
            raise UsageError("an awakeable is not rejected with OK: resolve it, or give the code of an error")
        await self._taken_by(awakeable_id)
        rejection = Outcome(failure=failure_of(TerminalError(message, code)))
        await self._calls.complete_awakeable(awakeable_id, rejection)

    async def _call(self, call: Call[T]) -> T:
        return await self._attach(await self._submit(call), call.read)

    async def _send(self, call: Call[T]) -> InvocationHandle[T]:
        return InvocationHandle(self, await self._submit(call), call.read)

    async def _attach(self, name: InvocationName, read: Callable[[bytes], T]) -> T:
        await _ask(_named(name), self._calls.output(_named(name)))
        invocation_id = name if isinstance(name, str) else self._record.run_of(name.service, name.handler, name.id)
        return self._result(await self._pace.end_of(invocation_id, self._calls.attach(invocation_id)), read)

    async def _output(self, name: InvocationName, read: Callable[[bytes], T]) -> T | None:
        ended = await _ask(_named(name), self._calls.output(_named(name)))
        return None if ended is None else self._result(ended, read)

    async def _cancel(self, name: InvocationName) -> None:
        await _ask(_named(name), self._calls.cancel(_named(name)))

    async def _signal(self, name: InvocationName, signal: str, payload: bytes) -> None:
        await _ask(_named(name), self._calls.signal(_named(name), signal, Outcome(value=payload)))

    async def _submit(self, call: Call[T]) -> str:
        service = self._calls.contracts.get(call.service)
        if not self._calls.contracts:
            raise UsageError("the runtime of this test is not open: async with TestRuntime(...) as runtime")
        if service is None:
            raise UsageError(
                f"this test does not serve {call.service}; it serves {', '.join(self._calls.contracts)}: give "
                "TestRuntime its handlers too"
            )
        if call.handler not in service.handlers:
            raise UsageError(f"{call.service} has no handler {call.handler!r}; it has {', '.join(service.handlers)}")
        submission = Submission(
            service=call.service,
            handler=call.handler,
            key=call.key,
            input=call.payload,
            idempotency_key=call.idempotency_key,
            headers=call.headers,
            delay_ms=call.delay // timedelta(milliseconds=1),
            must_be_new=call.must_be_new,
        )
        return await _ask(call.key, self._calls.submit(submission))

    async def _taken_by(self, awakeable_id: str) -> str:
        return (await _ask(awakeable_id, self._calls.awakeable_type(awakeable_id))).type

    def _result(self, ended: EndedInvocation, read: Callable[[bytes], T]) -> T:
        if not ended.outcome.HasField("failure"):
            return read(ended.outcome.value)
        final = self._final_failures.get(ended.invocation_id)
        if final is not None:
            raise final
        error = error_of(ended.outcome.failure)
        for failure in self._final_failures.values():
            if isinstance(failure, HandlerFailed) and failure.reason in error.message:
                # The caller of a handler that failed gets its error, and nothing of where that was.
                error.add_note(str(failure))
        raise error


async def _ask(name: PortName, answer: Awaitable[T]) -> T:
    """Waits for the node; what it says against it comes in the words of the ingress."""
    try:
        return await answer
    except TROUBLES as error:
        refusal = refusal_of(error, name)
        raise TerminalError(refusal.message, refusal.code) from None


def _named(name: InvocationName) -> PortName:
    return WorkflowId(name.service, name.id) if isinstance(name, WorkflowRun) else name
