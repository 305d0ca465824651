"""Traces on their way to a collector: OpenTelemetry's SDK, which is an extra of the distribution."""

from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from perdure_runtime.telemetry.settings import TraceSettings
from perdure_runtime.telemetry.tracing import InvocationSpan, Tracing, span_context

NAME = "perdure"


class Collector:
    """The provider of this process.

    Attributes:
        tracing: For the node.
    """

    def __init__(self, settings: TraceSettings, processor: SpanProcessor | None = None) -> None:
        """Sends spans in batches to the endpoint of the settings, or gives them to a processor."""
        sampler = ParentBased(TraceIdRatioBased(settings.sampling_ratio))
        self._resource = Resource.create({"service.name": settings.service_name})
        self._provider = TracerProvider(sampler=sampler, resource=self._resource, shutdown_on_exit=False)
        if processor is None:
            headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
            exporter = OTLPSpanExporter(settings.endpoint, headers=headers)
            processor = BatchSpanProcessor(exporter)
        self._processor = processor
        self._scope = InstrumentationScope(NAME, version("perdure"))
        self._provider.add_span_processor(processor)
        self.tracing = Tracing(self._provider.get_tracer(NAME, version("perdure")), self._record)

    def serve_all(self) -> None:
        """Whatever in this process makes spans makes them here: the handlers of an endpoint, and what they use."""
        trace.set_tracer_provider(self._provider)

    def close(self) -> None:
        """Sends what is left. This blocks."""
        self._provider.shutdown()

    def _record(self, ended: InvocationSpan) -> None:
        place = ended.place
        status = Status(StatusCode.UNSET) if ended.error is None else Status(StatusCode.ERROR, ended.error)
        # Its id and its times are the invocation's, so it cannot be made by a tracer.
        self._processor.on_end(
            ReadableSpan(
                name=ended.name,
                context=span_context(place.own),
                parent=span_context(place.parent) if place.parent is not None else None,
                resource=self._resource,
                attributes=ended.attributes,
                links=[Link(span_context(place.link))] if place.link is not None else (),
                kind=SpanKind.INTERNAL,
                status=status,
                start_time=ended.start_ns,
                end_time=ended.end_ns,
                instrumentation_scope=self._scope,
            )
        )
