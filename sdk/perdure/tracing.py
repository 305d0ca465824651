"""Traces through handlers: a span an attempt and a step, around whatever their own code traces.

OpenTelemetry's API alone: where no SDK of it is set up in the process, nothing is recorded. Traced is an invocation
whose first frame has a ``traceparent``, which names the span of the invocation and is the same in each attempt. What
the handler calls is told it as that of its caller.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util import types
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, Start

from perdure.steps import GivenUp, Step, StepReports
from perdure.vm.headers import BAGGAGE, LINK, TRACEPARENT, TRACESTATE
from perdure.vm.replay import Failures

W3C = TraceContextTextMapPropagator()
BAGGAGES = W3CBaggagePropagator()
tracer = trace.get_tracer("perdure")


class Traced(Protocol):
    """The attempt whose spans they are."""

    start: Start

    @property
    def replaying(self) -> bool:
        """Whether the handler repeats what an earlier attempt did."""


class AttemptTrace:
    """The spans of an attempt that nobody traces: none."""

    __slots__ = ()

    def enter(self, run: Callable[..., object]) -> None:
        """Makes the span of the attempt the current one, by ``run`` of the handler's context."""

    def run(self, step: Step, command: int, reports: StepReports, given_up: GivenUp) -> Coroutine[Any, Any, None]:
        """Executes a step within a span of its own."""
        return step.execute(command, reports, given_up)

    def end(self, frame: EndpointFrame | None) -> None:
        """The attempt has said its last word, or was stopped without one."""


UNTRACED = AttemptTrace()


class SpanOfAttempt(AttemptTrace):
    """The spans of a traced attempt."""

    __slots__ = ("_attempt", "_context", "_span")

    def __init__(self, attempt: Traced) -> None:
        start = attempt.start
        self._attempt = attempt
        self._context = BAGGAGES.extract(start.headers, W3C.extract(start.headers))
        self._span = tracer.start_span(
            f"attempt {start.target.service}/{start.target.handler}",
            self._context,
            attributes={"perdure.invocation_id": start.invocation_id, "perdure.attempt": start.attempt},
        )

    def enter(self, run: Callable[..., object]) -> None:
        """Makes the span of the attempt the current one."""
        run(otel.attach, trace.set_span_in_context(HandlerSpan(self._span, self._attempt), self._context))

    def run(self, step: Step, command: int, reports: StepReports, given_up: GivenUp) -> Coroutine[Any, Any, None]:
        """Executes a step within a span of its own."""
        return self._run(step, command, reports, given_up)

    def end(self, frame: EndpointFrame | None) -> None:
        """The attempt has said its last word, or was stopped without one."""
        kind = frame.WhichOneof("frame") if frame is not None else None
        self._span.set_attribute("perdure.attempt.end", kind or "aborted")
        if frame is not None and kind == "attempt_failure":
            self._span.set_status(Status(StatusCode.ERROR, frame.attempt_failure.message))
        elif frame is not None and kind == "outcome" and frame.outcome.HasField("failure"):
            self._span.set_status(Status(StatusCode.ERROR, frame.outcome.failure.message))
        self._span.end()

    async def _run(self, step: Step, command: int, reports: StepReports, given_up: GivenUp) -> None:
        span = tracer.start_span(
            f"step {step.name}",
            trace.set_span_in_context(self._span, self._context),
            attributes={
                "perdure.invocation_id": self._attempt.start.invocation_id,
                "perdure.step": step.name,
                "perdure.command": command,
            },
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await step.execute(command, _StepSpan(reports, span), given_up)
            except asyncio.CancelledError:
                span.set_status(Status(StatusCode.ERROR, "the attempt was stopped"))
                raise


class HandlerSpan(Span):
    """The span of an attempt, as its handler's code sees it: unsampled while that repeats its journal.

    So what other instrumentation would make a span of again is left out, as it is of an unsampled caller.
    """

    def __init__(self, span: Span, attempt: Traced) -> None:
        self._span = span
        self._attempt = attempt

    def get_span_context(self) -> SpanContext:
        """What those within it have as their parent."""
        own = self._span.get_span_context()
        if not self._attempt.replaying:
            return own
        return SpanContext(own.trace_id, own.span_id, own.is_remote, TraceFlags(TraceFlags.DEFAULT), own.trace_state)

    def is_recording(self) -> bool:
        """Whether what is said of it is kept."""
        return not self._attempt.replaying and self._span.is_recording()

    def set_attributes(self, attributes: Mapping[str, types.AttributeValue]) -> None:
        """Says more of it."""
        if self.is_recording():
            self._span.set_attributes(attributes)

    def set_attribute(self, key: str, value: types.AttributeValue) -> None:
        """Says more of it."""
        if self.is_recording():
            self._span.set_attribute(key, value)

    def add_event(self, name: str, attributes: types.Attributes = None, timestamp: int | None = None) -> None:
        """Says what happened."""
        if self.is_recording():
            self._span.add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: types.Attributes = None) -> None:
        """Says what belongs to it."""
        if self.is_recording():
            self._span.add_link(context, attributes)

    def record_exception(
        self,
        exception: BaseException,
        attributes: types.Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Says what went wrong."""
        if self.is_recording():
            self._span.record_exception(exception, attributes, timestamp, escaped)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Says how it went."""
        if self.is_recording():
            self._span.set_status(status, description)

    def update_name(self, name: str) -> None:
        """Its name is perdure's."""

    def end(self, end_time: int | None = None) -> None:
        """It ends with the attempt."""


class _StepSpan:
    """Implements ``StepReports``: notes in the span of a step how it goes."""

    def __init__(self, reports: StepReports, span: Span) -> None:
        self._reports = reports
        self._span = span

    async def run_in_thread(self, command: int, call: Callable[[], object]) -> object:
        return await self._reports.run_in_thread(command, call)

    def step_failures(self, command: int) -> Failures:
        return self._reports.step_failures(command)

    def step_failed(self, command: int, message: str, at_ms: int) -> None:
        self._span.add_event("perdure.step.failed", {"message": message})
        self._reports.step_failed(command, message, at_ms)

    def step_ended(self, command: int, result: bytes | Failure, at_ms: int) -> None:
        if isinstance(result, Failure):
            self._span.set_status(Status(StatusCode.ERROR, result.message))
        self._reports.step_ended(command, result, at_ms)

    def fail(self, error: BaseException) -> None:
        self._span.record_exception(error)
        self._span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        self._reports.fail(error)


def begin(attempt: Traced) -> AttemptTrace:
    """The spans of an attempt that begins."""
    return SpanOfAttempt(attempt) if TRACEPARENT in attempt.start.headers else UNTRACED


def with_call(headers: Mapping[str, str], start: Start) -> Mapping[str, str]:
    """The headers of a call that the handler makes: what it calls is a child of its invocation."""
    return {**_taken(start, TRACEPARENT, TRACESTATE, BAGGAGE), **headers} if start.headers else headers


def with_send(headers: Mapping[str, str], start: Start) -> Mapping[str, str]:
    """The headers of a message that the handler sends: what that starts is linked to its invocation."""
    if not start.headers:
        return headers
    sent_from = start.headers.get(TRACEPARENT)
    return {**_taken(start, BAGGAGE), **({LINK: sent_from} if sent_from else {}), **headers}


def with_current(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a call from outside: it belongs to the span that is current there."""
    if not trace.get_current_span().get_span_context().is_valid:
        return headers
    current: dict[str, str] = {}
    W3C.inject(current)
    BAGGAGES.inject(current)
    return {**current, **headers}


def _taken(start: Start, *names: str) -> dict[str, str]:
    return {name: start.headers[name] for name in names if name in start.headers}
