"""`python -m bench.leases`: what leases cost a database, by how many nodes and partitions there are.

A node renews its lease every third of it, and reads with that which nodes there are and who owns what.
"""

import argparse
import time
from contextlib import closing
from itertools import product
from pathlib import Path

from perdure_runtime.storage.postgres import PostgresCluster, PostgresStorage

from bench.cpu import family_cpu_s
from bench.markdown import replace_measured, table
from bench.scale.counters import server_pid
from examples.exactly_once_postgres.cluster import running_cluster

NODES = (3, 30, 100)
PARTITIONS = (64, 1024, 4096)
LEASE_S = 5.0
# While a line is measured no lease may end.
LONG_S = 3600.0
COLUMNS = (
    "nodes",
    "partitions",
    "ms a renewal",
    "database µs CPU a renewal",
    "renewals/s",
    "share of a database's core",
)


def measure(nodes: int, partitions: int, seconds: float) -> tuple[float, float]:
    """Seconds that a renewal takes, and seconds of CPU that it costs the database."""
    with running_cluster(durable=True) as server, closing(PostgresStorage(server.url, "node-0", partitions)):
        for node in range(nodes):
            with closing(_cluster(server.url, node)) as cluster:
                seen = cluster.look()
                cluster.take({each: seen.partitions[each] for each in sorted(seen.partitions)[node::nodes]})
        root = server_pid(server.url)
        with closing(_cluster(server.url, 0)) as cluster:
            cluster.look()
            done, started, before_s = 0, time.monotonic(), sum(family_cpu_s(root).values())
            while (took_s := time.monotonic() - started) < seconds:
                cluster.look()
                done += 1
            used_s = sum(family_cpu_s(root).values()) - before_s
    return took_s / done, used_s / done


def _cluster(url: str, node: int) -> PostgresCluster:
    return PostgresCluster(url, f"node-{node}", f"10.0.0.{node}:8082", LONG_S)


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m bench.leases", description=__doc__)
    options.add_argument("--seconds", type=float, default=3, help="how long each line is measured")
    options.add_argument("--write", type=Path, help="a page with markers, to put the table into")
    given = options.parse_args()
    lines = []
    for nodes, partitions in product(NODES, PARTITIONS):
        took_s, used_s = measure(nodes, partitions, given.seconds)
        renewals = nodes / (LEASE_S / 3)
        costs = (f"{took_s * 1e3:.1f}", f"{used_s * 1e6:,.0f}", f"{renewals:,.0f}", f"{used_s * renewals:.1%}")
        lines.append((str(nodes), str(partitions), *costs))
    text = table(COLUMNS, lines)
    print(text)
    if given.write is not None:
        replace_measured(given.write, "leases", text)


if __name__ == "__main__":
    main()
