"""The spans of a node: one for each call that enters, and one for each invocation that has ended.

OpenTelemetry's API alone. Who sets traces up (``collector``) gives a tracer, and takes the spans of invocations, whose
ids and times are not those of whoever reports them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from grpclib.const import Status as GrpcStatus
from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from perdure.vm.headers import LINK, TRACEPARENT, TRACESTATE

from perdure_runtime.partition.rows import Ended, Invocation
from perdure_runtime.telemetry.context import Place, Point, place_of

# A span's attributes.
Attributes: TypeAlias = Mapping[str, str | int]
MILLISECOND_NS = 1_000_000
CODES = {code.value: code.name for code in GrpcStatus}
W3C = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class InvocationSpan:
    """An invocation from its acceptance to its end; ``error`` is the message of its terminal error."""

    name: str
    place: Place
    start_ns: int
    end_ns: int
    attributes: Attributes
    error: str | None


class Entry:
    """The span of one call at the ingress.

    Attributes:
        headers: What the invocation keeps of its caller's headers, this span as the one that called or sent.
    """

    __slots__ = ("_span", "headers")

    def __init__(self, span: Span, headers: Mapping[str, str]) -> None:
        self._span = span
        self.headers = headers

    def accepted(self, invocation_id: str) -> None:
        """The call has become this invocation; none where it was refused before."""
        if invocation_id:
            self._span.set_attribute("perdure.invocation_id", invocation_id)

    def refused(self, code: str, message: str) -> None:
        """The call ends with an error."""
        self._span.set_attribute("perdure.code", code)
        self._span.set_status(Status(StatusCode.ERROR, message))


class Tracing:
    """Makes the spans of a node."""

    def __init__(self, tracer: Tracer, record: Callable[[InvocationSpan], None]) -> None:
        """``record`` takes the spans of invocations whose traces are kept; it returns at once."""
        self._tracer = tracer
        self._record = record

    @contextmanager
    def entry(self, service: str, handler: str, headers: Mapping[str, str], *, one_way: bool) -> Iterator[Entry]:
        """The span of a call while it is answered."""
        span = self._tracer.start_span(
            f"{service}/{handler}",
            W3C.extract(dict(headers)),
            SpanKind.SERVER,
            {"rpc.system": "perdure", "rpc.service": service, "rpc.method": handler},
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield Entry(span, _headers(headers, span.get_span_context(), one_way=one_way))

    def ended(self, invocation: Invocation) -> None:
        """An invocation has ended, durably."""
        status = invocation.status
        place = place_of(invocation.id, invocation.headers) if invocation.headers else None
        if place is None or not place.own.is_sampled or not isinstance(status, Ended):
            return
        target, failure = invocation.target, status.outcome.failure
        attributes: dict[str, str | int] = {
            "perdure.invocation_id": invocation.id,
            "perdure.service": target.service,
            "perdure.handler": target.handler,
            "perdure.attempts": invocation.attempt,
        }
        if target.key:
            attributes["perdure.key"] = target.key
        if invocation.deployment_id:
            attributes["perdure.deployment_id"] = invocation.deployment_id
        has_failed = status.outcome.HasField("failure")
        if has_failed:
            attributes["perdure.code"] = _code(failure.code)
        self._record(
            InvocationSpan(
                name=f"invocation {target.service}/{target.handler}",
                place=place,
                start_ns=invocation.created_at_ms * MILLISECOND_NS,
                end_ns=max(status.at_ms, invocation.created_at_ms) * MILLISECOND_NS,
                attributes=attributes,
                error=failure.message if has_failed else None,
            )
        )


def span_context(point: Point) -> SpanContext:
    """A point as OpenTelemetry has it."""
    return SpanContext(point.trace_id, point.span_id, is_remote=True, trace_flags=TraceFlags(point.flags))


def _code(code: int) -> str:
    return CODES.get(code, CODES[GrpcStatus.UNKNOWN.value])


def _headers(headers: Mapping[str, str], context: SpanContext, *, one_way: bool) -> Mapping[str, str]:
    own = str(Point(context.trace_id, context.span_id, context.trace_flags & TraceFlags.SAMPLED))
    kept = {name: value for name, value in headers.items() if name not in (TRACEPARENT, TRACESTATE)}
    if one_way:
        return {**kept, LINK: own}
    state = context.trace_state.to_header()
    return {**kept, TRACEPARENT: own, **({TRACESTATE: state} if state else {})}
