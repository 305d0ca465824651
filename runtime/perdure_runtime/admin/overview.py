"""How the cluster does: what there is by status, and what has happened lately."""

import asyncio

from perdure_protos.perdure.admin.v1 import cluster_pb2 as wire

from perdure_runtime.admin.port import Administration, Sample, Samples
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rpc import rpc

# Counting reads all invocations: however many people look, it is done this often at most.
KEPT_MS = 5_000


class Overview:
    """The rpc about how it does."""

    def __init__(self, node: Administration, samples: Samples | None, sample_ms: int, readers: Readers) -> None:
        """``samples`` are of intervals of ``sample_ms``."""
        self._readers = readers
        self._node = node
        self._samples = samples
        self._sample_ms = sample_ms
        self._counting = asyncio.Lock()
        self._tallies: list[wire.Tally] = []
        self._counted_at_ms = -KEPT_MS

    @rpc
    async def get_overview(self, request: wire.GetOverviewRequest) -> wire.Overview:
        """Counts the invocations of each handler by status, and shows what this node has done lately."""
        async with self._counting:
            now_ms = self._node.now_ms()
            if not 0 <= now_ms - self._counted_at_ms < KEPT_MS:
                counted = await self._readers.run(self._node.survey.tally)
                self._tallies = [
                    wire.Tally(service=service, handler=handler, status=status, count=count)
                    for service, handler, status, count in sorted(counted)
                ]
                self._counted_at_ms = now_ms
        return wire.Overview(
            tallies=self._tallies,
            samples=[_message(each) for each in self._samples.list()] if self._samples is not None else (),
            sample_ms=self._sample_ms,
            counted_at_ms=self._counted_at_ms,
        )


def _message(sample: Sample) -> wire.Sample:
    return wire.Sample(
        at_ms=sample.at_ms,
        accepted=sample.accepted,
        succeeded=sample.succeeded,
        failed=sample.failed,
        retried=sample.retried,
        p50_ms=sample.p50_ms,
        p99_ms=sample.p99_ms,
    )
