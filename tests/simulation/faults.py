"""What goes wrong in a simulated world, and when: data, so that a failing run can be printed and made smaller."""

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """Sorts of faults."""

    LINK_CUT = "a session breaks, frames in flight are lost"
    LINK_HALF_CUT = "a session breaks, but one side says and hears more for a while"
    LINK_STALLED = "a session stands still for a while"
    ENDPOINT_CRASH = "an endpoint process is killed"
    NODE_CRASH = "the node is killed"
    NODE_CRASH_IN_COMMIT = "the node is killed while a batch is on its way to the disk, which may keep it or not"
    NODE_STOP = "the node is stopped in good order, and started again"
    TAKEOVER = "another node takes all that a node alone has, which lives on"
    NODE_JOINS = "one more node is started"
    NODE_DRAINED = "a node hands over what it has, and is stopped"
    NODE_CRASH_BEFORE_MESSAGES = "a node is killed while messages are on their way to it; who follows has a slow disk"
    NODE_FROZEN = "nothing of a node runs for a while, then all of it does"
    PEERS_CUT = "a node and its peers are cut off from each other"
    PEERS_SILENT = "nothing comes through between a node and its peers, and nobody is told"
    DATABASE_CUT = "a node is cut off from the databases"
    DATABASE_AWAY = "the databases are away"
    ENDPOINTS_CUT = "a node is cut off from all endpoints"
    MESSAGES_TWICE = "messages between partitions arrive again"
    COMMITS_FAIL = "commits fail"
    READS_FAIL = "reads fail"
    DISK_SLOW = "commits take long, and so do calls about leases"
    CLOCK_JUMP = "the clock of the node jumps forward"
    DEPLOYED = "an endpoint is registered as a new deployment"
    PAUSED = "an operator pauses an invocation, and resumes it"
    TIMER_TWICE = "timers that have fired are delivered again"
    LATE_WORDS = "what earlier attempts said is delivered again"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``lasts_ms``: how long it takes, or by how much the clock jumps; ``count``: how often, or
    which one."""

    at_us: int
    kind: Kind
    victim: str = ""
    lasts_ms: int = 0
    count: int = 0

    def __str__(self) -> str:
        victim = f" ({self.victim})" if self.victim else ""
        lasts = f", {self.lasts_ms} ms" if self.lasts_ms else ""
        count = f", {self.count} times" if self.count else ""
        return f"at {self.at_us / 1000:.3f} ms: {self.kind.value}{victim}{lasts}{count}"
