"""`python -m bench.storage`: what a commit costs on each storage, without anything else of a node.

A batch is what the calls of a burst write: for each of them a new invocation, two journal entries and a state, and the
end of a call of the batch before.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome, RunCommand
from perdure_runtime.partition.rows import SHARED, Ended, Invocation, Running, Target
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage
from perdure_runtime.storage.postgres import PostgresStorage
from perdure_runtime.storage.sqlite import SqliteStorage
from rich.console import Console
from rich.table import Table

from examples.exactly_once_postgres.cluster import running_cluster

CALLS = (1, 10, 100)
ROWS_A_CALL = 5
ENTRIES = (Entry(run=RunCommand(name="charge")), Entry(completion=Completion(command=0, at_ms=1, value=bytes(32))))
console = Console(highlight=False, width=120)


@dataclass(frozen=True, slots=True)
class Measured:
    """What batches of one size cost."""

    commits_s: float
    stage_us: float
    commit_us: float


def batch(number: int, calls: int) -> Writes:
    """The calls of this number, and the ends of those before."""
    writes = Writes()
    for n in range(calls):
        id, key = f"inv_{number:08}_{n:03}", f"{n}"
        target = Target("shop.v1.OrderService", "Process", key)
        new = Invocation(id, target, SHARED, bytes(64), (), "", None, number, Running())
        writes.invocations[id] = new
        writes.inserted.add(id)
        writes.journal[id, 0], writes.journal[id, 1] = ENTRIES
        writes.state["shop.v1.UserAccount", key, "balance"] = b"%d" % number
        if number > 0:
            before = f"inv_{number - 1:08}_{n:03}"
            ended = Ended(Outcome(value=bytes(32)), number, number, number)
            writes.invocations[before] = replace(new, id=before, status=ended)
    return writes


def measure(storage: Storage, calls: int, seconds: float) -> Measured:
    """Commits batches for some time."""
    storage.acquire()
    staging = committing = 0.0
    number = 0
    while staging + committing < seconds:
        writes = batch(number, calls)
        started = time.perf_counter()
        storage.stage(writes)
        staged = time.perf_counter()
        storage.commit()
        staging += staged - started
        committing += time.perf_counter() - staged
        number += 1
    return Measured(number / (staging + committing), staging / number * 1e6, committing / number * 1e6)


def main(seconds: float) -> None:
    """Prints the table."""
    table = Table("storage", "calls a batch", "commits/s", "calls/s", "rows/s", "stage µs/call", "commit ms")
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as directory, running_cluster(durable=True) as cluster:
        storages: dict[str, Callable[[int], Storage]] = {
            "SQLite": lambda calls: SqliteStorage(Path(directory) / f"{calls}.db"),
            "PostgreSQL": lambda calls: PostgresStorage(cluster.url, calls),
        }
        for name, opened in storages.items():
            for calls in CALLS:
                storage = opened(calls)
                measured = measure(storage, calls, seconds)
                storage.close()
                rates = (measured.commits_s * each for each in (1, calls, calls * ROWS_A_CALL))
                costs = (f"{measured.stage_us / calls:.0f}", f"{measured.commit_us / 1e3:.2f}")
                table.add_row(name, str(calls), *(f"{rate:,.0f}" for rate in rates), *costs)
    console.print(table)
    console.print("SQLite: WAL, synchronous=FULL. PostgreSQL: as it comes, on this machine. Both wait for the disk.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each row is measured")
    main(parser.parse_args().seconds)
