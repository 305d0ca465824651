"""Who owns what, as a value that tests draw and change, and nodes that follow their plans on it."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from hypothesis import strategies as st
from perdure_runtime.membership.plan import Plan, plan
from perdure_runtime.storage.cluster import Holding, NodeRow, Snapshot, free, owned_by

NODES = ("a", "b", "c", "d", "e")
LEASE_S = 5.0


class Table:
    """The rows of a cluster. What a node holds in memory follows its plans."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.nodes = dict(snapshot.nodes)
        self.partitions = dict(snapshot.partitions)
        self.memory: dict[str, dict[int, int]] = {id: {} for id in self.nodes}
        self.moves = 0

    def see(self) -> Snapshot:
        """How things are."""
        return Snapshot(dict(self.nodes), dict(self.partitions))

    def renew(self, id: str) -> None:
        """A node has come, or has come back."""
        self.nodes[id] = replace(self.nodes.get(id, NodeRow(id, f"{id}:1", 0)), lease_left_s=LEASE_S)
        self.memory.setdefault(id, {})

    def plan(self, id: str, seen: Snapshot | None = None) -> Plan:
        """What a node wants to do, by what it sees now or has seen before."""
        return plan(id, self.see() if seen is None else seen, self.memory[id])

    def follow(self, id: str, steps: Plan) -> None:
        """Does it, where the database lets it."""
        memory = self.memory[id]
        for partition in steps.lost:
            memory.pop(partition, None)
        memory |= steps.gain
        for partition, seen in steps.take.items():
            if self.partitions[partition] == seen and partition in free(self.see()):
                memory[partition] = seen.epoch + 1
                self.partitions[partition] = Holding(id, seen.epoch + 1)
                self.moves += 1
        for to, partitions in steps.give.items():
            for partition in partitions:
                epoch = memory.pop(partition, None)
                held = self.partitions[partition]
                if held.owner == id and epoch in (None, held.epoch):
                    self.partitions[partition] = Holding(to, held.epoch + 1)
                    self.moves += 1

    def round(self) -> None:
        """Each living node looks, and does what it has planned, one after the other."""
        for id in self.alive:
            self.follow(id, self.plan(id))

    @property
    def alive(self) -> list[str]:
        """The nodes whose lease runs."""
        return sorted(id for id, node in self.nodes.items() if node.alive)

    @property
    def takers(self) -> list[str]:
        """The nodes that should have partitions."""
        return [id for id in self.alive if not self.nodes[id].draining]

    def counts(self) -> list[int]:
        """How many partitions each node has that should have some, the fewest first."""
        return sorted(len(owned_by(self.see(), id)) for id in self.takers)

    def is_settled(self) -> bool:
        """Whether nobody wants to change anything."""
        return all(not (steps.lost or steps.gain or steps.take or steps.give) for steps in map(self.plan, self.alive))


def settled(ids: Collection[str], partitions: int) -> Table:
    """A cluster in balance."""
    table = Table(Snapshot({}, {number: Holding("", 0) for number in range(partitions)}))
    for id in ids:
        table.renew(id)
    while not table.is_settled():
        table.round()
    table.moves = 0
    return table


def _nodes(draining: Collection[str], leases_s: Mapping[str, float]) -> dict[str, NodeRow]:
    return {id: NodeRow(id, f"{id}:1", left_s, id in draining) for id, left_s in leases_s.items()}


NODE_ROWS = st.builds(
    _nodes,
    draining=st.sets(st.sampled_from(NODES)),
    leases_s=st.dictionaries(st.sampled_from(NODES), st.sampled_from([-1.0, 0.0, 0.5, LEASE_S])),
)
PARTITIONS = st.lists(
    st.builds(Holding, owner=st.sampled_from(["", "gone", *NODES]), epoch=st.integers(0, 9)), max_size=40
).map(lambda held: dict(enumerate(held)))
SNAPSHOTS = st.builds(Snapshot, nodes=NODE_ROWS, partitions=PARTITIONS)
