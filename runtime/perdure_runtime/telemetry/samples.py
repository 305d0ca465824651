"""What happened lately: a ring of short intervals, for people who look at an overview now and then."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from perdure_runtime.telemetry.histogram import LATENCY_S, quantile
from perdure_runtime.telemetry.metrics import Metrics

INTERVAL_MS = 5_000
# Ten minutes.
KEPT = 120


@dataclass(frozen=True, slots=True)
class Sample:
    """One interval, which ended at ``at_ms``. ``failed`` counts the cancelled too."""

    at_ms: int
    accepted: int
    succeeded: int
    failed: int
    retried: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class _Totals:
    accepted: int
    succeeded: int
    failed: int
    retried: int
    latencies: tuple[int, ...]


class Samples:
    """Looks at the tallies every few seconds, and keeps what they have grown by."""

    def __init__(self, metrics: Metrics, clock_ms: Callable[[], int]) -> None:
        self._metrics = metrics
        self._clock_ms = clock_ms
        self._ring: deque[Sample] = deque(maxlen=KEPT)
        self._before = self._totals()

    def list(self) -> list[Sample]:
        """The oldest first."""
        return list(self._ring)

    def take(self) -> None:
        """Ends an interval."""
        before, now = self._before, self._totals()
        self._before = now
        latencies = [count - earlier for count, earlier in zip(now.latencies, before.latencies, strict=True)]
        self._ring.append(
            Sample(
                at_ms=self._clock_ms(),
                accepted=now.accepted - before.accepted,
                succeeded=now.succeeded - before.succeeded,
                failed=now.failed - before.failed,
                retried=now.retried - before.retried,
                p50_ms=quantile(LATENCY_S, latencies, 0.5) * 1000,
                p99_ms=quantile(LATENCY_S, latencies, 0.99) * 1000,
            )
        )

    async def run(self) -> None:
        """Takes a sample each interval until cancelled, and notes how late the event loop let it."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s += INTERVAL_MS / 1000
            await asyncio.sleep(due_s - loop.time())
            self._metrics.loop_lag_s = loop.time() - due_s
            self.take()

    def _totals(self) -> _Totals:
        tallies = [tally for _, tally in self._metrics.handlers]
        return _Totals(
            accepted=sum(tally.accepted for tally in tallies),
            succeeded=sum(tally.succeeded for tally in tallies),
            failed=sum(tally.failed + tally.cancelled for tally in tallies),
            retried=sum(tally.retries for tally in tallies),
            latencies=tuple(map(sum, zip(*(tally.latency.counts for tally in tallies), strict=True)))
            or (0,) * (len(LATENCY_S) + 1),
        )
