"""`python -m bench.spread`: how evenly keys load the partitions and nodes of a cluster. No process is started.

Keys are placed as a node places them, and every node owns as many partitions as the others, but for one. How often a
key is called goes by its rank to the power of an exponent: 0 is all alike, 1 is what the web looks like. The answer is
the same each time.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from perdure_runtime.partition.placement import Placement

from bench.markdown import replace_measured, table

SERVICE = "shop.v1.UserAccount"
KEYS = 1_000_000
EXPONENTS = (0.0, 0.5, 0.8, 1.0)
PARTITIONS = (64, 256, 1024)
NODES = (3, 10, 30)
COLUMNS = ("calls by rank", "hottest key", "partitions", *(f"{nodes} nodes" for nodes in NODES))


def popularity(keys: int, exponent: float) -> list[float]:
    """The share of all calls that each key gets, the most popular first."""
    weights = [rank**-exponent for rank in range(1, keys + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def loads(shares: Sequence[float], places: Sequence[int], partitions: int) -> list[float]:
    """The share of all calls that each partition gets, from the places of keys."""
    placement = Placement(partitions)
    found = [0.0] * partitions
    for share, place in zip(shares, places, strict=True):
        found[placement.of_place(place)] += share
    return found


def hottest_node(partitions: Sequence[float], nodes: int) -> float:
    """What the most loaded node has to carry, where 1 is what each would if all were alike."""
    return max(sum(partitions[node::nodes]) for node in range(nodes)) * nodes


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m bench.spread", description=__doc__)
    options.add_argument("--keys", type=int, default=KEYS)
    options.add_argument("--write", type=Path, help="a page with markers, to put the table into")
    given = options.parse_args()
    # A place has 16 bits, so many partitions lay all keys out.
    everywhere = Placement(1 << 16)
    places = [everywhere.of_key(SERVICE, str(key)) for key in range(given.keys)]
    lines = []
    for exponent, partitions in product(EXPONENTS, PARTITIONS):
        shares = popularity(given.keys, exponent)
        spread = loads(shares, places, partitions)
        factors = (f"{hottest_node(spread, nodes):.2f}" for nodes in NODES)
        name = f"rank^-{exponent:g}" if exponent else "all alike"
        lines.append((name, f"{shares[0]:.2%}", str(partitions), *factors))
    text = table(COLUMNS, lines)
    print(text)
    if given.write is not None:
        replace_measured(given.write, "spread", text)


if __name__ == "__main__":
    main()
