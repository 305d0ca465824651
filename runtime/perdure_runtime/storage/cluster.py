"""The cluster port: which nodes there are, and which of them owns which partition of one database.

Only the clock of the database counts: it says when a lease ends, to all nodes alike.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node that has joined.

    ``address`` is "host:port" where its peers reach it. ``lease_left_s`` is how long its lease has left, 0 or less once
    it is over. A node that is ``draining`` takes no partitions any more.
    """

    id: str
    address: str
    lease_left_s: float
    draining: bool = False

    @property
    def alive(self) -> bool:
        """Whether its lease runs."""
        return self.lease_left_s > 0


@dataclass(frozen=True, slots=True)
class Holding:
    """Who owns a partition: ``owner`` is the id of a node, empty where nobody does."""

    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A cluster at one moment: its nodes by id, and all its partitions by number."""

    nodes: Mapping[str, NodeRow]
    partitions: Mapping[int, Holding]


class Cluster(Protocol):
    """One database with many nodes, as one of them sees it. All methods block, and raise StorageFailure where the
    database does, or after ``close``. One thread at a time."""

    def look(self, draining: bool = False) -> Snapshot:
        """Joins, or renews the lease of this node, and tells how things are after that.

        A node whose lease was over joins anew: what it owned and nobody took is its own yet. Nodes that have been dead
        for an hour, and own nothing, are forgotten.
        """

    def read(self) -> Snapshot:
        """How things are; renews nothing."""

    def take(self, seen: Mapping[int, Holding]) -> dict[int, int]:
        """Takes partitions, where they are yet as they were seen and their owner is none, or has no lease any more.

        Returns those that it got, with their new epochs. Waits for a commit of the old owner that is under way; none
        can succeed after that.
        """

    def give(self, partitions: Mapping[int, int], to: str) -> None:
        """Gives partitions that this node owns, at these epochs, to a node, or to nobody: ``to`` is then empty.

        Their epochs rise: whoever gets one finds itself as its owner in the next snapshot. Of those that this node does
        not own any more nothing changes. Where ``to`` has left, nobody owns them. Waits for a commit under way.
        """

    def leave(self) -> None:
        """Forgets this node. What it owned is free at once."""

    def close(self) -> None:
        """Closes the connection; the lease runs out."""


def owned_by(snapshot: Snapshot, node_id: str) -> dict[int, int]:
    """The partitions that a node owns, with their epochs."""
    return {number: held.epoch for number, held in snapshot.partitions.items() if held.owner == node_id}


def free(snapshot: Snapshot) -> Collection[int]:
    """Partitions that nobody owns whose lease runs."""
    return [
        number
        for number, held in snapshot.partitions.items()
        if (node := snapshot.nodes.get(held.owner)) is None or not node.alive
    ]
