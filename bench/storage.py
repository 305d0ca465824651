"""`python -m bench.storage`: what a commit costs on each storage, without anything else of a node."""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perdure_runtime.storage.api import Storage
from perdure_runtime.storage.postgres import PostgresStorage
from perdure_runtime.storage.sqlite import SqliteStorage
from rich.console import Console
from rich.table import Table

from bench.batches import Batches, Kind
from examples.exactly_once_postgres.cluster import running_cluster

CALLS = (1, 10, 100)
KIND = Kind(steps=1, state=True)
console = Console(highlight=False, width=120)


@dataclass(frozen=True, slots=True)
class Measured:
    """What batches of one size cost."""

    commits_s: float
    stage_us: float
    commit_us: float


def measure(storage: Storage, calls: int, seconds: float) -> Measured:
    """Commits batches for some time."""
    batches = Batches(KIND, calls, storage.placement, storage.acquire())
    staging = committing = 0.0
    number = 0
    while staging + committing < seconds:
        writes = batches.make(number)
        started = time.perf_counter()
        storage.stage(writes)
        staged = time.perf_counter()
        storage.commit()
        staging += staged - started
        committing += time.perf_counter() - staged
        number += 1
    return Measured(number / (staging + committing), staging / number * 1e6, committing / number * 1e6)


@contextmanager
def sqlite() -> Iterator[Storage]:
    """A file of its own."""
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as directory:
        storage = SqliteStorage(Path(directory) / "perdure.db")
        yield storage
        storage.close()


@contextmanager
def postgres() -> Iterator[Storage]:
    """A server of its own."""
    with running_cluster(durable=True) as cluster:
        storage = PostgresStorage(cluster.url, "bench")
        yield storage
        storage.close()


STORAGES: dict[str, Callable[[], AbstractContextManager[Storage]]] = {"SQLite": sqlite, "PostgreSQL": postgres}


def main(seconds: float) -> None:
    """Prints the table."""
    table = Table("storage", "calls a batch", "commits/s", "calls/s", "rows/s", "stage µs/call", "commit ms")
    for name, opened in STORAGES.items():
        for calls in CALLS:
            with opened() as storage:
                measured = measure(storage, calls, seconds)
            rates = (measured.commits_s * each for each in (1, calls, calls * KIND.rows))
            costs = (f"{measured.stage_us / calls:.0f}", f"{measured.commit_us / 1e3:.2f}")
            table.add_row(name, str(calls), *(f"{rate:,.0f}" for rate in rates), *costs)
    console.print(table)
    console.print("SQLite: WAL, synchronous=FULL. PostgreSQL: as it comes, on this machine. Both wait for the disk.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each row is measured")
    main(parser.parse_args().seconds)
