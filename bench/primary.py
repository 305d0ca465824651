"""`python -m bench.primary`: what one PostgreSQL primary carries, and what two of them carry.

Processes commit batches through the storage of a node, each for partitions of its own, and do nothing else: so the
primary has all of the machine that they leave it.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from perdure_runtime.storage.postgres import PostgresStorage

from bench.batches import Batches, Kind
from bench.cpu import cpu_s, family_cpu_s, machine_busy_s
from bench.machine import environment
from bench.markdown import replace_measured, table
from bench.scale.counters import Counts, PostgresCounters, server_pid
from examples.exactly_once_postgres.cluster import running_cluster

# The first batches find empty tables, and have calls to end that are not there.
WARM_S = 1.0
TIMEOUT_S = 60.0
KINDS = {
    "W1 empty call": Kind(),
    "W2 three steps": Kind(steps=3),
    "W2, and what is purged": Kind(steps=3, purged=True),
}
COLUMNS = (
    "work",
    "calls a batch",
    "primaries",
    "writers",
    "commits/s",
    "calls/s",
    "rows/s",
    "WAL bytes a call",
    "stored bytes a call",
    "PostgreSQL µs CPU a call",
    "writers µs CPU a call",
    "waiting for the log",
    "others' CPU",
)


@dataclass(frozen=True, slots=True)
class Load:
    """One line: so many processes, spread over so many primaries."""

    name: str
    calls: int
    primaries: int
    writers: int


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that commits: as this node, to these partitions of one of the databases, under these epochs."""

    name: str
    url: str
    databases: int
    database: int
    epochs: Mapping[int, int]


def write(writer: Writer, load: Load, seconds: float, step: Barrier, told: "SimpleQueue[int]") -> None:
    """Commits batches, in a process of its own; tells how many after the warm-up."""
    storage = PostgresStorage(writer.url, writer.name, None, writer.databases, writer.database)
    storage.own(writer.epochs)
    batches = Batches(KINDS[load.name], load.calls, storage.placement, writer.epochs)

    def commit(seconds: float, done: int) -> int:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            storage.stage(batches.make(done))
            storage.commit()
            done += 1
        return done

    warm = commit(WARM_S, 0)
    step.wait(TIMEOUT_S)
    done = commit(seconds, warm)
    step.wait(TIMEOUT_S)
    # Who measures looks at this process before it ends.
    step.wait(TIMEOUT_S)
    storage.close()
    told.put(done - warm)


@contextmanager
def primaries(count: int) -> Iterator[list[tuple[str, dict[int, int]]]]:
    """Fresh servers: the URL of each, and the epochs of the partitions that lie there."""
    with ExitStack() as stack:
        started = []
        for number in range(count):
            url = stack.enter_context(running_cluster(durable=True)).url
            storage = PostgresStorage(url, "maker", databases=count, database=number)
            started.append((url, storage.acquire()))
            storage.close()
        yield started


def spread(servers: Sequence[tuple[str, Mapping[int, int]]], writers: int) -> Iterator[Writer]:
    """So many writers, as many at each server; those of one server take turns to have one of its partitions."""
    turns = writers // len(servers)
    for number in range(writers):
        turn, database = divmod(number, len(servers))
        url, epochs = servers[database]
        own = {partition: epoch for at, (partition, epoch) in enumerate(epochs.items()) if at % turns == turn}
        yield Writer(f"writer-{number}", url, len(servers), database, own)


@dataclass(frozen=True, slots=True)
class Moment:
    """All that is counted, at one moment."""

    at_s: float
    counts: Counts
    server_s: float
    writer_s: float
    busy_s: float

    @staticmethod
    def now(counters: PostgresCounters, servers: Sequence[int], writers: Sequence[int]) -> "Moment":
        """Looks at these processes."""
        server_s = sum(sum(family_cpu_s(root).values()) for root in servers)
        return Moment(time.monotonic(), counters.read(), server_s, sum(map(cpu_s, writers)), machine_busy_s())


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done between two moments."""

    load: Load
    batches: int
    before: Moment
    after: Moment

    @property
    def line(self) -> Sequence[str]:
        """As a line of the table."""
        load, before, after = self.load, self.before, self.after
        took_s, counts = after.at_s - before.at_s, after.counts - before.counts
        server_s, writer_s = after.server_s - before.server_s, after.writer_s - before.writer_s
        others_s = after.busy_s - before.busy_s - server_s - writer_s
        calls = self.batches * load.calls
        rates = (self.batches / took_s, calls / took_s, calls * KINDS[load.name].rows / took_s)
        costs = (counts.wal_bytes / calls, counts.stored_bytes / calls, server_s / calls * 1e6, writer_s / calls * 1e6)
        shares = (counts.sync_s / took_s / load.primaries, max(0.0, others_s) / took_s / (os.cpu_count() or 1))
        return (
            load.name,
            *map(str, (load.calls, load.primaries, load.writers)),
            *(f"{figure:,.0f}" for figure in rates + costs),
            *(f"{share:.0%}" for share in shares),
        )


def carry(load: Load, seconds: float) -> Carried:
    """Measures one line."""
    context = multiprocessing.get_context("spawn")
    step, done = context.Barrier(load.writers + 1), context.SimpleQueue()
    with primaries(load.primaries) as servers:
        counters = PostgresCounters([url for url, _ in servers])
        roots = [server_pid(url) for url, _ in servers]
        processes = []
        for writer in spread(servers, load.writers):
            processes.append(context.Process(target=write, args=(writer, load, seconds, step, done)))
            processes[-1].start()
        pids = [process.pid for process in processes if process.pid is not None]
        step.wait(TIMEOUT_S)
        before = Moment.now(counters, roots, pids)
        step.wait(TIMEOUT_S + seconds)
        after = Moment.now(counters, roots, pids)
        step.wait(TIMEOUT_S)
        batches = sum(done.get() for _ in processes)
        for process in processes:
            process.join(TIMEOUT_S)
    return Carried(load, batches, before, after)


def loads() -> Iterator[Load]:
    """All lines."""
    for name in KINDS:
        for calls in (16, 64, 256):
            yield Load(name, calls, primaries=1, writers=1)
    for name in KINDS:
        for primaries in (1, 2):
            yield Load(name, 64, primaries, writers=2)
    yield Load("W2 three steps", 64, primaries=1, writers=4)


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m bench.primary", description=__doc__)
    options.add_argument("--seconds", type=float, default=5, help="how long each line is measured")
    options.add_argument("--write", type=Path, help="a page with markers, to put the table into")
    given = options.parse_args()
    text = f"{environment()}\n\n{table(COLUMNS, [carry(load, given.seconds).line for load in loads()])}"
    print(text)
    if given.write is not None:
        replace_measured(given.write, "primary", text)


if __name__ == "__main__":
    main()
