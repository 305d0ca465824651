"""How large a simulated world is: its nodes, partitions and databases."""

from dataclasses import dataclass
from random import Random

# Each node's wall clock is off by one of these.
CLOCKS_OFF_MS = (0, 0, 0, 7, -40, 300)
MOST_NODES = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """``alone``: one node that owns all there is, without a lease; whoever starts after it takes it over.

    ``clocks_off_ms``: how far the wall clock of the first, second… node is ahead of true time.
    """

    nodes: int = 1
    partitions: int = 1
    databases: int = 1
    alone: bool = True
    clocks_off_ms: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        if self.alone:
            return f"a node alone, with {self.partitions} partitions"
        clocks = f", whose clocks are off by {self.clocks_off_ms} ms" if any(self.clocks_off_ms) else ""
        return f"{self.nodes} nodes, {self.partitions} partitions, {self.databases} databases{clocks}"


ALONE = Shape()


def draw_shape(random: Random) -> Shape:
    """A node alone in one world of five, else a cluster."""
    partitions = random.choice((1, 2, 5, 8, 8))
    if random.random() < 0.2:
        return Shape(partitions=random.choice((1, 1, partitions)))
    return Shape(
        nodes=random.choice((1, 2, 2, 3, 3)),
        partitions=partitions,
        databases=2 if partitions > 1 and random.random() < 0.2 else 1,
        alone=False,
        clocks_off_ms=tuple(random.choice(CLOCKS_OFF_MS) for _ in range(MOST_NODES)),
    )
