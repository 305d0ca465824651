"""What of a node is read only when somebody asks for its metrics."""

from collections.abc import Callable, Iterator, Sequence

from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.courier import Courier
from perdure_runtime.node.share import Share
from perdure_runtime.telemetry import catalogue
from perdure_runtime.telemetry.tallies import Reading


class Gauges:
    """The probe of a node."""

    def __init__(self, shares: Sequence[Share], invoker: Invoker, courier: Courier, peers: Callable[[], int]) -> None:
        """``peers`` counts the other nodes that live."""
        self._shares = shares
        self._invoker = invoker
        self._courier = courier
        self._peers = peers

    def __call__(self) -> Iterator[Reading]:
        """All of them, as of now."""
        for index, share in enumerate(self._shares):
            yield from _of_share(share, (str(index),))
        yield Reading(catalogue.RUNNING, self._invoker.running)
        yield Reading(catalogue.WAITING, self._invoker.waiting)
        yield Reading(catalogue.SILENT, self._invoker.silent)
        yield Reading(catalogue.OUTBOX, self._courier.unacknowledged)
        yield Reading(catalogue.PEERS, self._peers())


def _of_share(share: Share, labels: tuple[str]) -> Iterator[Reading]:
    yield Reading(catalogue.INPUTS, share.loop.inputs, labels)
    yield Reading(catalogue.PENDING, share.loop.waiting, labels)
    yield Reading(catalogue.COMMITS, share.loop.commits, labels)
    yield Reading(catalogue.IN_MEMORY, share.loop.in_memory, labels)
    yield Reading(catalogue.TIMERS, share.timers.near, labels)
    yield Reading(catalogue.CALLERS, len(share.waiters.awaited), labels)
    yield Reading(catalogue.PARTITIONS, len(share.owned), labels)
