"""`python -m bench.drivers`: the same batches over psycopg, as our adapter sends them, and over asyncpg.

A batch of so many calls inserts an invocation and two journal entries for each, and ends the invocations of the batch
before. Both write whole columns as arrays, one statement a table, after the two statements that fence a batch. They
take turns, so that what else the machine does befalls both.
"""

import argparse
import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

import asyncpg  # type: ignore[import-untyped]  # it publishes no types, and nothing else uses it
import psycopg
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome, RunCommand
from perdure_runtime.partition import ids
from perdure_runtime.partition.rows import SHARED, Ended, Invocation, Running, Target
from perdure_runtime.storage.postgres import PostgresStorage, ownership
from perdure_runtime.storage.postgres import statements as sql
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.statements import Statement
from perdure_runtime.storage.rows import Row, changing_row, invocation_row
from rich.console import Console
from rich.table import Table

from examples.exactly_once_postgres.cluster import running_cluster

CALLS = (1, 16, 256)
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
TARGET = Target("load.v1.LoadService", "Steps", "")
ENTRIES = (Entry(run=RunCommand(name="step")), Entry(completion=Completion(command=0, value=b"v" * 32)))
INPUT = b"i" * 64
NODE = "bench"
WARM_S = 0.5
TURNS = 10
console = Console(highlight=False, width=120)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows by statement, and the number of the batch."""

    number: int
    changes: Sequence[tuple[Statement, Sequence[Row]]]


@dataclass(slots=True)
class Measured:
    """What batches of one size cost over one driver: how many there were, and how long they took together."""

    batches: int = 0
    passed_s: float = 0.0
    cpu_s: float = 0.0


class Driver(Protocol):
    """One way to a server."""

    async def commit(self, batch: Batch) -> None:
        """Makes a batch durable."""

    async def close(self) -> None:
        """Closes the connection."""


class Batches:
    """Batches of so many calls, each with ids that no other has."""

    def __init__(self, calls: int, numbers: "count[int]") -> None:
        self._calls = calls
        self._numbers = numbers
        self._open: list[Invocation] = []

    def next(self) -> Batch:
        """The next batch."""
        number = next(self._numbers)
        ended = [replace(row, status=Ended(Outcome(value=b"done"), 1, 2, 2)) for row in self._open]
        self._open = [
            Invocation(ids.mint(number, n, 0), TARGET, SHARED, INPUT, (), "", None, number, Running())
            for n in range(self._calls)
        ]
        entries = [
            (0, row.id, position, entry.WhichOneof("entry"), entry.SerializeToString())
            for row in self._open
            for position, entry in enumerate(ENTRIES)
        ]
        changes: list[tuple[Statement, Sequence[Row]]] = [
            (sql.INSERT_INVOCATION, [(0, *invocation_row(row)) for row in self._open]),
            (sql.INSERT_ENTRY, entries),
            (sql.UPDATE_INVOCATION, [(0, *changing_row(row)) for row in ended]),
        ]
        return Batch(number, [(statement, rows) for statement, rows in changes if rows])


class Psycopg:
    """As ``PostgresStorage`` commits: one pipeline with everything in it, nothing prepared."""

    def __init__(self, url: str) -> None:
        self._link = Link(Address(url))

    async def commit(self, batch: Batch) -> None:
        """Makes a batch durable."""
        statements = [statement.of(rows) for statement, rows in batch.changes]
        self._link.transact([*ownership.batch(NODE, batch.number, {0: 1}), *statements])

    async def close(self) -> None:
        """Closes the connection."""
        self._link.close()


class Asyncpg:
    """The same statements over asyncpg, one after another: it has no pipeline of statements that differ."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._positional: dict[str, tuple[str, list[str]]] = {}

    async def commit(self, batch: Batch) -> None:
        """Makes a batch durable."""
        connection = self._connection
        await connection.execute(BEGIN)
        (numbering, number), (requiring, due) = ownership.batch(NODE, batch.number, {0: 1})
        await self._execute(numbering, number)
        await self._execute(requiring, {**due, "partition": [0], "epoch": [1]})
        for statement, rows in batch.changes:
            columns = dict(zip(statement.columns, zip(*rows, strict=True), strict=True))
            await self._execute(statement.sql, {**columns, "rows": len(rows)})
        await connection.execute("COMMIT")

    async def close(self) -> None:
        """Closes the connection."""
        await self._connection.close()

    async def _execute(self, query: str, parameters: Mapping[str, object]) -> None:
        if query not in self._positional:
            self._positional[query] = _numbered(query)
        text, names = self._positional[query]
        await self._connection.fetch(text, *(parameters[name] for name in names))


def _numbered(query: str) -> tuple[str, list[str]]:
    """A query with $1, $2, … for its named parameters, and their names in this order."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", query)))
    text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", query)
    return text.replace("%%", "%"), names


async def measure(driver: Driver, batches: Batches, seconds: float, into: Measured) -> None:
    """Commits batches for some time; the time to make them is not counted."""
    until = into.passed_s + seconds
    while into.passed_s < until:
        batch = batches.next()
        started, cpu = time.perf_counter(), time.process_time()
        await driver.commit(batch)
        into.passed_s += time.perf_counter() - started
        into.cpu_s += time.process_time() - cpu
        into.batches += 1


async def main(seconds: float) -> None:
    """Prints the table."""
    table = Table("calls a batch", "driver", "calls/s", "ms a batch", "client CPU µs a call", "calls/s to psycopg")
    with running_cluster(durable=True) as cluster:
        storage = PostgresStorage(cluster.url, NODE, 1)
        storage.acquire()
        storage.close()
        drivers: dict[str, Driver] = {
            "psycopg, pipeline": Psycopg(cluster.url),
            "asyncpg, prepared": Asyncpg(await asyncpg.connect(cluster.url)),
            "asyncpg, as poolers need it": Asyncpg(await asyncpg.connect(cluster.url, statement_cache_size=0)),
        }
        numbers = count(1)
        for calls in CALLS:
            batches = Batches(calls, numbers)
            measured = {name: Measured() for name in drivers}
            for driver in drivers.values():
                await measure(driver, batches, WARM_S, Measured())
            for _ in range(TURNS):
                for name, driver in drivers.items():
                    await measure(driver, batches, seconds / TURNS, measured[name])
            first = next(iter(measured.values()))
            for name, cost in measured.items():
                done = cost.batches * calls
                ratio = cost.batches / cost.passed_s / (first.batches / first.passed_s)
                costs = (f"{cost.passed_s / cost.batches * 1e3:.2f}", f"{cost.cpu_s / done * 1e6:.0f}", f"{ratio:.2f}")
                table.add_row(str(calls), name, f"{done / cost.passed_s:,.0f}", *costs)
        for driver in drivers.values():
            await driver.close()
    console.print(table)
    console.print(
        f"psycopg {psycopg.__version__}, asyncpg {asyncpg.__version__}; the server waits for its disk, on this machine."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each row is measured")
    asyncio.run(main(parser.parse_args().seconds))
