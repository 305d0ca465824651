"""What sources need of the node that looks after them."""

from collections.abc import Callable
from dataclasses import dataclass

from perdure_runtime.partition.placement import Placement
from perdure_runtime.sources.kept import Kept
from perdure_runtime.sources.port import Invocations


@dataclass(frozen=True, slots=True)
class Node:
    """``is_here`` says which partitions are this node's: each source is looked after where its place is."""

    invocations: Invocations
    placement: Placement
    is_here: Callable[[int], bool]
    kept: Kept
    clock_ms: Callable[[], int]
