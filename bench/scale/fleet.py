"""The processes of one shape: databases, nodes and endpoints, all on this machine."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import psycopg
from perdure_runtime.partition.placement import Placement

from bench.app import TALLY
from bench.cpu import family_cpu_s
from bench.scale.counters import Counters, PostgresCounters, SqliteCounters, server_pid
from examples.demo.processes import Service, free_port
from examples.exactly_once_postgres.cluster import running_cluster

BALANCE_TIMEOUT_S = 60.0
OWNERS = "SELECT partition, address FROM perdure.partition LEFT JOIN perdure.node ON id = owner"
KEYS_OF_A_NODE = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of what.

    Attributes:
        databases: PostgreSQL servers; 0 for SQLite.
        nodes: Runtime nodes, each started by a `perdure up`.
        workers: Processes of each of them.
    """

    name: str
    title: str
    databases: int
    nodes: int = 1
    workers: int = 1


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("sqlite", "SQLite", databases=0),
        Shape("workers2", "SQLite, 2 workers", databases=0, workers=2),
        Shape("pg1", "PostgreSQL, 1 node", databases=1),
        Shape("pg2", "PostgreSQL, 2 nodes", databases=1, nodes=2),
        Shape("pg3", "PostgreSQL, 3 nodes", databases=1, nodes=3),
        Shape("pg2db2", "2 PostgreSQL, 2 nodes", databases=2, nodes=2),
    )
}


class Fleet:
    """The running processes of a shape."""

    def __init__(
        self,
        ingresses: Sequence[str],
        peers: Sequence[str],
        urls: Sequence[str],
        roots: Sequence[tuple[str, int]],
        counters: Counters,
        tally: Path,
    ):
        """``roots`` are processes, each with what it counts as; what they start counts as the same."""
        self.ingresses = ingresses
        self._peers = peers
        self._urls = urls
        self.counters = counters
        self._roots = roots
        self._tally = tally

    def cpu(self) -> dict[tuple[str, int], float]:
        """Seconds of CPU by kind of process and process id."""
        return {(kind, pid): used_s for kind, root in self._roots for pid, used_s in family_cpu_s(root).items()}

    def keys(self, node: int) -> list[str]:
        """Some counters that this node owns, where all nodes share one database."""
        with psycopg.connect(self._urls[0], autocommit=True) as connection:
            rows = connection.execute(OWNERS).fetchall()
        placement = Placement(len(rows))
        owned = {int(partition) for partition, address in rows if address == self._peers[node]}
        ours = (key for key in map(str, count()) if placement.of_key("load.v1.Counter", key) in owned)
        return list(islice(ours, KEYS_OF_A_NODE))

    @property
    def tallied(self) -> int:
        """How many calls of handlers that tally have run."""
        return self._tally.stat().st_size


@contextmanager
def running_fleet(shape: Shape, endpoints: int) -> Iterator[Fleet]:
    """Starts the processes, waits until the work is spread evenly, and stops them at the end."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="perdure-bench-")))
        urls = [stack.enter_context(running_cluster(durable=True)).url for _ in range(shape.databases)]
        tally = directory / "tally"
        tally.touch()
        ports = [free_port() for _ in range(endpoints)]
        serving = [_endpoint(number, port, directory, tally) for number, port in enumerate(ports)]
        admin = free_port()
        ports_of_nodes = [(free_port(), admin if number == 0 else free_port()) for number in range(shape.nodes)]
        peers = [f"127.0.0.1:{free_port()}" for _ in range(shape.nodes)]
        nodes = [
            _node(shape, number, *ports_of_nodes[number], peers[number], urls, directory)
            for number in range(shape.nodes)
        ]
        for service in (*serving, *nodes):
            stack.callback(service.stop)
            service.start()
        _register(admin, ports)
        for url in urls:
            _wait_for_balance(url, shape.nodes * shape.workers)
        roots = [(kind, service.pid) for kind, group in (("node", nodes), ("endpoint", serving)) for service in group]
        roots += [("database", server_pid(url)) for url in urls]
        counters = PostgresCounters(urls) if urls else SqliteCounters(directory / "data")
        yield Fleet([f"127.0.0.1:{port}" for port, _ in ports_of_nodes], peers, urls, roots, counters, tally)


def _endpoint(number: int, port: int, directory: Path, tally: Path) -> Service:
    return Service(
        f"endpoint {number}",
        ["serve", "bench.app:app", "--listen", f"127.0.0.1:{port}"],
        port,
        directory / f"endpoint-{number}.log",
        environment={TALLY: str(tally)},
    )


def _node(
    shape: Shape, number: int, ingress: int, admin: int, peer: str, urls: Sequence[str], directory: Path
) -> Service:
    arguments = ["up", "--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"]
    if urls:
        arguments += ["--peer", peer, *(word for url in urls for word in ("--storage", url))]
    else:
        arguments += ["--data", str(directory / "data")]
    if shape.workers > 1:
        arguments += ["--workers", str(shape.workers)]
    return Service(f"node {number}", arguments, ingress, directory / f"node-{number}.log")


def _register(admin: int, ports: Sequence[int]) -> None:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    command = [sys.executable, "-m", "perdure_runtime.cli", "deployments", "register", *addresses]
    command += ["--admin", f"127.0.0.1:{admin}"]
    # A node listens a moment before it can be asked.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _wait_for_balance(url: str, nodes: int) -> None:
    """Waits until each node owns as many partitions as the others, but for one."""
    deadline = time.monotonic() + BALANCE_TIMEOUT_S
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            rows = connection.execute("SELECT count(*) FROM perdure.partition GROUP BY owner").fetchall()
            shares = [int(count) for (count,) in rows]
            if len(shares) == nodes and max(shares) - min(shares) <= 1:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"partitions are not spread over {nodes} nodes: {shares}")
            time.sleep(0.1)
