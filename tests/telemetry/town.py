"""A node, its ingress and its endpoint in this process, with the numbers and the spans that they make."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import perdure
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from perdure.handlers import Handlers
from perdure.session import EndpointSession
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.invoker.transport import Link, OnFrames
from perdure_runtime.node.node import Node
from perdure_runtime.storage.memory import MemoryStorage
from perdure_runtime.telemetry.collector import Collector
from perdure_runtime.telemetry.exposition import Exposition
from perdure_runtime.telemetry.metrics import Metrics
from perdure_runtime.telemetry.settings import TraceSettings
from perdure_runtime.telemetry.tracing import Tracing
from prometheus_client.parser import text_string_to_metric_families

PATIENCE_S = 20.0


class Breaking(LocalTransport):
    """A session that the test can break."""

    link: Link

    async def open(self, on_frames: OnFrames) -> Link:
        """Opens it."""
        self.link = await super().open(on_frames)
        return self.link


@dataclass
class Town:
    """What a test sees.

    Attributes:
        port: Of the ingress.
        client: Calls through it.
    """

    node: Node
    port: int
    client: perdure.Client
    metrics: Metrics
    transport: Breaking

    async def scrape(self) -> "Scrape":
        """What Prometheus would read now."""
        await self.node.loop.flush()
        sent: list[dict[str, Any]] = []

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        await Exposition(self.metrics)({"type": "http", "headers": []}, None, send)
        return Scrape(sent[0]["status"], sent[1]["body"].decode())

    async def break_session(self) -> None:
        """The endpoint's process loses its session, and with it all attempts."""
        await self.transport.link.close()


class Scrape:
    """The text of ``/metrics``, read."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        self._values = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """The value of a sample."""
        return self._values[name, tuple(sorted(labels.items()))]

    def names(self) -> set[str]:
        """Of all samples."""
        return {name for name, _ in self._values}


class Spans(list[ReadableSpan]):
    """The spans that have ended."""

    def all(self, name: str) -> list[ReadableSpan]:
        """Those of a name, in the order in which they ended."""
        return [span for span in self if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one of a name."""
        (span,) = self.all(name)
        return span


@functools.cache
def exporter() -> tuple[InMemorySpanExporter, Tracing]:
    """Where the spans of this process go. OpenTelemetry takes one provider a process, for good."""
    exporter = InMemorySpanExporter()
    collector = Collector(TraceSettings(), SimpleSpanProcessor(exporter))
    collector.serve_all()
    return exporter, collector.tracing


def ended_spans() -> Spans:
    """All spans that have ended since the town was opened."""
    return Spans(exporter()[0].get_finished_spans())


@asynccontextmanager
async def town(*handlers: Handlers, traced: bool = False) -> AsyncIterator[Town]:
    """Opens one; with ``traced`` its node makes spans."""
    tracing = None
    if traced:
        exporter()[0].clear()
        tracing = exporter()[1]
    endpoint = perdure.Endpoint(*handlers)
    metrics = Metrics()
    node = Node(MemoryStorage(), metrics=metrics, tracing=tracing)
    transport = Breaking(partial(EndpointSession, endpoint))
    ingress = Ingress(node.router, "127.0.0.1", 0, metrics=metrics, tracing=tracing)
    await node.start()
    node.invoker.add(transport, Contracts.discovered(endpoint.discovery()), "dp_town")
    await ingress.start()
    try:
        async with perdure.Client(f"127.0.0.1:{ingress.port}", timeout=timedelta(seconds=PATIENCE_S)) as client:
            yield Town(node, ingress.port, client, metrics, transport)
    finally:
        await ingress.close(0)
        await node.close()


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Runs a story."""

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await story()

    asyncio.run(run())


def parent_of(span: ReadableSpan) -> int | None:
    """The id of the span that it belongs to."""
    return span.parent.span_id if span.parent is not None else None


def id_of(span: ReadableSpan) -> int:
    """Its own."""
    assert span.context is not None
    id: int = span.context.span_id
    return id


def trace_of(span: ReadableSpan) -> int:
    """The id of its trace."""
    assert span.context is not None
    id: int = span.context.trace_id
    return id


def traces_of(spans: Sequence[ReadableSpan]) -> set[int]:
    """The ids of their traces."""
    return {trace_of(span) for span in spans}


def said(span: ReadableSpan, name: str) -> str | int:
    """An attribute of a span that has it."""
    value = dict(span.attributes or {})[name]
    assert isinstance(value, str | int)
    return value
