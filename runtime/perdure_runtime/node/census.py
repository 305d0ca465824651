"""The nodes of the cluster, as operators see them."""

from collections.abc import Callable, Sequence
from typing import Protocol

from perdure_protos.perdure.admin.v1.cluster_pb2 import Node

from perdure_runtime.node.settings import FixedWorkers
from perdure_runtime.storage.cluster import NodeRow, Snapshot

# What a node is called that has no peers.
ALONE = "node"


class Keeper(Protocol):
    """Follows one database."""

    @property
    def snapshot(self) -> Snapshot:
        """Its nodes, as they were last seen."""


class Census:
    """Counts the nodes: those that databases know, or the workers that share a machine, or this one alone."""

    def __init__(self, keepers: Callable[[], Sequence[Keeper]], fixed: FixedWorkers | None) -> None:
        """``keepers`` are those of this node, one a database, as of now."""
        self._keepers = keepers
        self._fixed = fixed

    def nodes(self) -> list[Node]:
        """All nodes. Where there are several databases a node counts as what the worst of them says."""
        keepers = self._keepers()
        if not keepers:
            addresses = self._fixed.addresses if self._fixed is not None else ("",)
            return [
                Node(id=self._settled_name(number), address=address, status="alive")
                for number, address in enumerate(addresses)
            ]
        rows: dict[str, list[NodeRow]] = {}
        for keeper in keepers:
            for row in keeper.snapshot.nodes.values():
                rows.setdefault(row.id, []).append(row)
        return [Node(id=id, address=found[0].address, status=_status(found)) for id, found in sorted(rows.items())]

    def settled_owner(self, partition: int) -> str:
        """The node that owns a partition for good; empty where leases say who does."""
        if self._keepers():
            return ""
        return self._settled_name(partition % len(self._fixed.addresses) if self._fixed is not None else 0)

    def _settled_name(self, number: int) -> str:
        return ALONE if self._fixed is None else f"worker-{number}"


def _status(rows: Sequence[NodeRow]) -> str:
    if not all(row.alive for row in rows):
        return "lost"
    return "draining" if any(row.draining for row in rows) else "alive"
