"""The telemetry of one process, as its settings say."""

import asyncio
from collections.abc import Callable

from perdure_runtime.telemetry.metrics import Metrics
from perdure_runtime.telemetry.samples import Samples
from perdure_runtime.telemetry.settings import TraceSettings
from perdure_runtime.telemetry.tracing import Tracing


class TelemetryProblem(Exception):
    """Telemetry cannot be set up; the message says why and what to do."""


class Telemetry:
    """Its metrics, what happened lately, and its traces.

    Attributes:
        tracing: None where traces are off.
    """

    def __init__(self, traces: TraceSettings, clock_ms: Callable[[], int]) -> None:
        """Raises TelemetryProblem."""
        self.metrics = Metrics()
        self.samples = Samples(self.metrics, clock_ms)
        self._sampling: asyncio.Task[None] | None = None
        self._close: Callable[[], None] = _nothing
        self.tracing: Tracing | None = None
        if traces.endpoint:
            try:
                from perdure_runtime.telemetry.collector import Collector
            except ImportError as error:
                raise TelemetryProblem(
                    f"traces go to {traces.endpoint}, but {error.name} is not installed: "
                    "pip install 'perdure[telemetry]', or leave traces.endpoint empty"
                ) from error
            collector = Collector(traces)
            collector.serve_all()
            self.tracing, self._close = collector.tracing, collector.close

    def start(self) -> None:
        """Begins to look at what happens lately, in the running event loop."""
        self._sampling = asyncio.create_task(self.samples.run(), name="samples")

    async def close(self) -> None:
        """Sends the spans that are left."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)
        await asyncio.to_thread(self._close)


def _nothing() -> None:
    pass
