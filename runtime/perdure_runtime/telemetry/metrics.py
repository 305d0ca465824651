"""All that a node counts, and what it reads of its parts when somebody asks."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from perdure_runtime.telemetry import catalogue
from perdure_runtime.telemetry.catalogue import CATALOGUE, Kind, Metric
from perdure_runtime.telemetry.histogram import Histogram
from perdure_runtime.telemetry.tallies import (
    HandlerTallies,
    IngressTally,
    LeaseTally,
    LoopTally,
    MessageTally,
    QueryTally,
    Reading,
    SessionTally,
    SourceTally,
    Tallies,
)

# Reads gauges where they are; called on the event loop's thread.
Probe: TypeAlias = Callable[[], Iterable[Reading]]


class Metrics:
    """The tallies of one process.

    Attributes:
        loop_lag_s: How late the event loop came to a timer of its own, last.
        registry: What a program that embeds a node gives to its own exporter; use it on the event loop's thread.
    """

    def __init__(self) -> None:
        self.handlers = HandlerTallies()
        self.loops: Tallies[LoopTally] = Tallies(LoopTally)
        self.ingress: Tallies[IngressTally] = Tallies(IngressTally)
        self.sessions: Tallies[SessionTally] = Tallies(SessionTally)
        self.leases: Tallies[LeaseTally] = Tallies(LeaseTally)
        self.messages = MessageTally()
        self.sources = SourceTally()
        self.queries = QueryTally()
        self.loop_lag_s = 0.0
        self._probes: list[Probe] = []
        self.registry = CollectorRegistry()
        self.registry.register(_Live(self))

    def watch(self, probe: Probe) -> None:
        """Reads these gauges too, whenever somebody asks."""
        self._probes.append(probe)

    def readings(self) -> list[Reading]:
        """All of them, as of now."""
        return list(self._read())

    def _read(self) -> Iterator[Reading]:
        for labels, handler in self.handlers:
            yield from handler.readings(labels)
        for labels, loop in self.loops:
            yield from loop.readings(labels)
        for (protocol,), ingress in self.ingress:
            yield from ingress.readings(protocol)
        for labels, session in self.sessions:
            yield from session.readings(labels)
        for labels, lease in self.leases:
            yield from lease.readings(labels)
        yield from self.messages.readings()
        yield from self.sources.readings()
        yield from self.queries.readings()
        yield Reading(catalogue.LOOP_LAG, self.loop_lag_s)
        for probe in self._probes:
            yield from probe()


class _Live(Collector):
    """What a registry asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Family]:
        """All families, as of now."""
        return families(self._metrics.readings())


def families(readings: Iterable[Reading]) -> list[Family]:
    """Readings as Prometheus has them; metrics of which there are none are named all the same."""
    made = {metric: _family(metric) for metric in CATALOGUE}
    for reading in readings:
        family, value = made[reading.metric], reading.value
        if isinstance(family, HistogramMetricFamily) and isinstance(value, Histogram):
            family.add_metric(reading.labels, value.buckets(), value.sum)
        elif isinstance(family, CounterMetricFamily | GaugeMetricFamily) and not isinstance(value, Histogram):
            family.add_metric(reading.labels, value)
        else:
            raise TypeError(f"{reading.metric.name} is a {reading.metric.kind.value}, and was read as {value!r}")
    return list(made.values())


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.words, labels=metric.labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.words, labels=metric.labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.words, labels=metric.labels)
