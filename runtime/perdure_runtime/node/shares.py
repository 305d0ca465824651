"""All shares of a node: which of them has what."""

from collections.abc import Callable, Sequence

from perdure_runtime.node.share import Share
from perdure_runtime.partition.placement import Placement
from perdure_runtime.peer.port import Moved


class Shares:
    """Partition p lies in database p modulo their number; a node has one share of each."""

    def __init__(self, placement: Placement, shares: Sequence[Share], is_here: Callable[[int], bool]) -> None:
        self.placement = placement
        self.all = tuple(shares)
        self._is_here = is_here

    def at(self, partition: int) -> Share:
        """The share that has a partition. Raises Moved where it is not here."""
        if not self._is_here(partition):
            raise Moved(partition)
        return self.all[partition % len(self.all)]

    def of(self, invocation_id: str) -> Share:
        """The share that has an invocation. Raises Moved where it is not here."""
        return self.at(self.placement.of_invocation(invocation_id))
