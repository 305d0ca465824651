"""What a share tells of its commits: they are counted, and invocations that have ended are traced."""

from perdure_runtime.partition.writes import Writes
from perdure_runtime.telemetry.metrics import Metrics
from perdure_runtime.telemetry.tracing import Tracing


class Watch:
    """One a share. A commit pays for a few additions for each invocation that is new or has ended with it."""

    def __init__(self, metrics: Metrics, share: str = "0", tracing: Tracing | None = None) -> None:
        self._tracing = tracing
        self._handlers = metrics.handlers
        self._loop = metrics.loops.of(share)

    def committed(self, writes: Writes, inputs: int, seconds: float) -> None:
        """What so many inputs have led to is durable, and the commit took so long."""
        self._loop.committed(inputs, seconds)
        if writes.invocations:
            ended = self._handlers.committed(writes.invocations.values(), writes.inserted)
            if self._tracing is not None:
                for invocation in ended:
                    self._tracing.ended(invocation)

    def storage_failed(self) -> None:
        """The share is loaded again."""
        self._loop.failures += 1
