"""``/metrics``: what Prometheus scrapes."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from perdure_runtime.telemetry.metrics import Metrics, families
from perdure_runtime.telemetry.tallies import Reading


class Exposition:
    """An ASGI application that answers with all metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One scrape."""
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        # The numbers are read here, where they change; to make text of thousands of them is nothing for this thread.
        readings = self._metrics.readings()
        body, content_type = await asyncio.to_thread(render, readings, accept.decode("latin-1"))
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def render(readings: Sequence[Reading], accept: str = "") -> tuple[bytes, str]:
    """The text of a scrape and its content type, in the newest format that the scraper accepts."""
    encode, content_type = choose_encoder(accept)
    return encode(_Scrape(readings)), content_type


class _Scrape(Collector):
    """What was read for one scrape, and the numbers of the process."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Family]:
        """All families."""
        yield from families(self._readings)
        yield from PROCESS.collect()


# Of the whole process: memory, CPU, files. In no registry, since each metrics of a process would show them.
PROCESS = ProcessCollector(registry=None)
