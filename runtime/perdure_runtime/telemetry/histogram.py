"""A histogram of plain numbers: cheap to count, made into what Prometheus reads only when it asks."""

from bisect import bisect_left
from collections.abc import Sequence
from math import inf

# From a call that only writes its row to a workflow that waits for a day.
LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 86400.0)
# A commit waits for a disk, or for a database over a network.
COMMIT_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BATCH = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0)


class Histogram:
    """How many values were at most each of some bounds.

    Attributes:
        counts: Of values up to each bound and above the one before; the last counts what is above all bounds.
        sum: Of all values.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Counts a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def copy(self) -> "Histogram":
        """As it is now: for another thread, while this one counts on."""
        copied = Histogram(self.bounds)
        copied.counts, copied.sum = list(self.counts), self.sum
        return copied

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: bounds, and how many values were at most that."""
        cumulative, below = [], 0
        for bound, count in zip((*self.bounds, inf), self.counts, strict=True):
            below += count
            cumulative.append(("+Inf" if bound == inf else repr(bound), float(below)))
        return cumulative


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float:
    """The value that this share of all was at most, guessed within its bucket; 0 where there were none.

    Of values above all bounds no more is known than that: the last bound stands for them.
    """
    wanted, below = share * sum(counts), 0
    if not wanted:
        return 0.0
    for index, bound in enumerate(bounds):
        count = counts[index]
        if count and below + count >= wanted:
            floor = bounds[index - 1] if index else 0.0
            return floor + (bound - floor) * (wanted - below) / count
        below += count
    return bounds[-1]
