"""What one workload measured on one shape, and what bounds it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bench.http_load import Measured
from bench.scale.counters import Counts

# From these shares on there is no more to be had of an interpreter, of all cores, of a disk.
FULL_PROCESS = 0.9
FULL_MACHINE = 0.92
FULL_DISK = 0.6
# Where other programs use more than this share of the machine, a rate says little.
FOREIGN = 0.1
# Reads a call from which on they are what a node waits for, where nothing is full.
MANY_READS = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """One cell of what was measured.

    Attributes:
        cpu_s: By kind of process and process id, while the load ran.
        busy_s: Of the whole machine, whosoever's processes used it.
        databases: How many servers there were.
    """

    work: str
    shape: str
    measured: Measured
    counts: Counts
    cpu_s: Mapping[tuple[str, int], float]
    busy_s: float
    cores: int
    databases: int

    @property
    def by_kind(self) -> dict[str, float]:
        """Seconds of CPU of all processes of a kind."""
        seconds: dict[str, float] = defaultdict(float)
        for (kind, _), used_s in self.cpu_s.items():
            seconds[kind] += used_s
        return seconds

    def cpu_us(self, kind: str) -> float:
        """Microseconds of CPU a call that processes of a kind used."""
        return self.by_kind.get(kind, 0.0) / self.measured.calls * 1e6

    @property
    def calls_a_core(self) -> float:
        """Calls a second for each core that the nodes use."""
        return 1e6 / self.cpu_us("node")

    @property
    def others(self) -> float:
        """The share of the machine that processes used which are not of this measurement."""
        return max(0.0, self.busy_s - sum(self.cpu_s.values())) / (self.measured.seconds * self.cores)

    @property
    def syncing(self) -> float:
        """The share of the time in which a server waited for its log to be on the disk."""
        return self.counts.sync_s / (self.measured.seconds * max(1, self.databases))

    @property
    def reads(self) -> float:
        """Transactions a call that wrote nothing. A node waits for one at a time, and does nothing else meanwhile."""
        return (self.counts.transactions - self.counts.commits) / self.measured.calls

    @property
    def bound(self) -> str:
        """What there is no more of."""
        (kind, _), used_s = max(self.cpu_s.items(), key=lambda item: item[1])
        share = used_s / self.measured.seconds
        machine = self.busy_s / (self.measured.seconds * self.cores)
        if share >= FULL_PROCESS:
            return f"one {kind} process, {share:.0%} of a core"
        if machine >= FULL_MACHINE and self.others >= FOREIGN:
            return "other programs of this machine"
        if machine >= FULL_MACHINE:
            return f"all {self.cores} cores"
        if self.syncing >= FULL_DISK:
            return f"the disk, {self.syncing:.0%} of the time"
        if self.reads >= MANY_READS:
            return f"reads, one after another; {machine:.0%} of the cores"
        return f"round trips; {machine:.0%} of the cores"


def median(results: list[Result]) -> Result:
    """Of several runs of one workload on one shape, the one in the middle by its rate."""
    return sorted(results, key=lambda result: result.measured.rate)[len(results) // 2]
