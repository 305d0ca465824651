"""What a node should do so that all nodes together share the partitions evenly.

Every node plans by itself, from what it saw in the database. The whole deal depends on the snapshot alone, and each
does its own part of it: so nodes that saw the same never reach for the same partition, and a cluster in balance moves
nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perdure_runtime.storage.cluster import Holding, Snapshot, free, owned_by

# A partition that moves is away for a moment: a node that joins must not stop the world. Who leaves gives all at once.
MOST_MOVES = 8
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in this order.

    ``lost`` are partitions that this node holds in memory and does not own any more, or not at that epoch. ``gain`` are
    those that it owns and does not hold yet, with their epochs. ``take`` are free ones to be taken, as they were seen.
    ``give`` are those to be given away, by the id of their new owner; it is empty where nobody is left to own them.
    """

    lost: frozenset[int]
    gain: Mapping[int, int]
    take: Mapping[int, Holding]
    give: Mapping[str, Sequence[int]]


def plan(me: str, snapshot: Snapshot, owned: Mapping[int, int]) -> Plan:
    """The part of a node, whose lease runs, in the deal; ``owned`` is what it holds in memory, with epochs."""
    mine = owned_by(snapshot, me)
    deal = _Deal(snapshot)
    taken = deal.hand_out(free(snapshot))
    left = deal.hand_out(deal.left_by_draining())
    if snapshot.nodes[me].draining:
        moves = [(partition, left[partition]) for partition in sorted(mine)]
    else:
        receivers = [receiver for giver, receiver in deal.level() if giver == me][:MOST_MOVES]
        # Fewer receivers than partitions: the rest stays.
        moves = list(zip(sorted(mine, reverse=True), receivers, strict=False))
    given = {partition for partition, _ in moves}
    return Plan(
        lost=frozenset(partition for partition, epoch in owned.items() if mine.get(partition) != epoch),
        gain={
            partition: epoch
            for partition, epoch in mine.items()
            if owned.get(partition) != epoch and partition not in given
        },
        take={partition: snapshot.partitions[partition] for partition, to in taken.items() if to == me},
        give=_by_receiver(moves),
    )


class _Deal:
    """How many partitions each node has that may have some, while they are dealt."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._counts = {id: 0 for id, node in snapshot.nodes.items() if node.alive and not node.draining}
        for held in snapshot.partitions.values():
            if held.owner in self._counts:
                self._counts[held.owner] += 1

    def left_by_draining(self) -> list[int]:
        """Partitions of nodes that are about to leave."""
        leaving = {id for id, node in self._snapshot.nodes.items() if node.alive and node.draining}
        return [number for number, held in self._snapshot.partitions.items() if held.owner in leaving]

    def hand_out(self, partitions: Iterable[int]) -> dict[int, str]:
        """Deals partitions out, in order, each to whoever has least then."""
        dealt: dict[int, str] = {}
        for partition in sorted(partitions):
            receiver = self._least() if self._counts else NOBODY
            if receiver != NOBODY:
                self._counts[receiver] += 1
            dealt[partition] = receiver
        return dealt

    def level(self) -> list[tuple[str, str]]:
        """The fewest moves of one partition each, from a node to another, after which none has two more than another.

        Whoever was dealt a partition just now gives none away: it had least.
        """
        moves: list[tuple[str, str]] = []
        while self._counts:
            most, least = max(self._counts, key=self._order), self._least()
            if self._counts[most] - self._counts[least] < 2:
                break
            self._counts[most] -= 1
            self._counts[least] += 1
            moves.append((most, least))
        return moves

    def _least(self) -> str:
        return min(self._counts, key=self._order)

    def _order(self, id: str) -> tuple[int, str]:
        return self._counts[id], id


def _by_receiver(moves: Iterable[tuple[int, str]]) -> dict[str, list[int]]:
    given: dict[str, list[int]] = {}
    for partition, receiver in moves:
        given.setdefault(receiver, []).append(partition)
    return given
