"""The cluster of nodes over one database in memory."""

from collections.abc import Callable, Mapping

from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.cluster import Holding, NodeRow, Snapshot
from perdure_runtime.storage.memory.rows import Member, Rows

# The rows of nodes that have been dead for so long, and own nothing, are removed.
FORGET_S = 3_600.0


class MemoryCluster:
    """One node's sight of a cluster, as ``storage.cluster.Cluster`` says; ``clock`` is that of the database."""

    def __init__(self, rows: Rows, node_id: str, address: str, lease_s: float, clock: Callable[[], float]) -> None:
        self._rows = rows
        self._node_id = node_id
        self._address = address
        self._lease_s = lease_s
        self._clock = clock
        self._closed = False

    def look(self, draining: bool = False) -> Snapshot:
        self._refuse_closed()
        with self._rows.lock:
            now_s = self._clock()
            self._rows.nodes[self._node_id] = Member(self._address, now_s + self._lease_s, draining)
            owners = set(self._rows.owners.values())
            for id, member in list(self._rows.nodes.items()):
                if member.lease_until_s + FORGET_S < now_s and id not in owners:
                    del self._rows.nodes[id]
            return self._snapshot(now_s)

    def read(self) -> Snapshot:
        self._refuse_closed()
        with self._rows.lock:
            return self._snapshot(self._clock())

    def take(self, seen: Mapping[int, Holding]) -> dict[int, int]:
        self._refuse_closed()
        rows, taken = self._rows, dict[int, int]()
        with rows.lock:
            now_s = self._clock()
            for partition, held in seen.items():
                as_seen = (rows.owners[partition], rows.epochs[partition]) == (held.owner, held.epoch)
                owner = rows.nodes.get(held.owner)
                if as_seen and (owner is None or owner.lease_until_s <= now_s):
                    taken[partition] = rows.epochs[partition] = held.epoch + 1
                    rows.owners[partition] = self._node_id
        return taken

    def give(self, partitions: Mapping[int, int], to: str) -> None:
        self._refuse_closed()
        rows = self._rows
        with rows.lock:
            for partition, epoch in partitions.items():
                if (rows.owners[partition], rows.epochs[partition]) == (self._node_id, epoch):
                    # Who is to get it may have left: nobody owns it then.
                    rows.owners[partition] = to if to in rows.nodes else ""
                    rows.epochs[partition] = epoch + 1

    def leave(self) -> None:
        self._refuse_closed()
        rows = self._rows
        with rows.lock:
            rows.nodes.pop(self._node_id, None)
            for partition, owner in rows.owners.items():
                if owner == self._node_id:
                    rows.owners[partition] = ""
                    rows.epochs[partition] += 1

    def close(self) -> None:
        self._closed = True

    def _snapshot(self, now_s: float) -> Snapshot:
        rows = self._rows
        return Snapshot(
            {
                id: NodeRow(id, member.address, member.lease_until_s - now_s, member.draining)
                for id, member in rows.nodes.items()
            },
            {partition: Holding(rows.owners[partition], epoch) for partition, epoch in rows.epochs.items()},
        )

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageFailure(f"node {self._node_id} has left this cluster: its connection is closed")
