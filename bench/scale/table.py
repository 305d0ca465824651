"""Results as tables."""

from collections.abc import Mapping, Sequence
from itertools import product

from bench.markdown import table
from bench.scale.result import Result

COLUMNS = (
    "work",
    "on",
    "calls/s",
    "of SQLite",
    "p50 ms",
    "p99 ms",
    "commits/s",
    "rows a commit",
    "reads a call",
    "node µs CPU",
    "calls/s a node core",
    "endpoint µs",
    "database µs",
    "load µs",
    "others' CPU",
    "bound by",
)
CROSSING_COLUMNS = (
    "work",
    "calls/s",
    "p50 ms",
    "p99 ms",
    "nodes µs CPU",
    "database µs",
    "rows a call",
    "WAL bytes a call",
    "commits/s",
    "others' CPU",
)


def scale_table(results: Sequence[Result], works: Mapping[str, str], shapes: Mapping[str, str]) -> str:
    """One line for each workload and shape; ``works`` and ``shapes`` are their titles by name, in order."""
    rates = {(result.work, result.shape): result.measured.rate for result in results}
    # SQLite counts no rows. The same calls write the same ones on one node, whatever its storage.
    written = {result.work: result.counts.rows / result.measured.calls for result in results if result.shape == "pg1"}
    lines = []
    order = {(work, shape): place for place, (work, shape) in enumerate(product(works, shapes))}
    for result in sorted(results, key=lambda result: order[result.work, result.shape]):
        measured, commits = result.measured, result.counts.commits
        embedded = rates.get((result.work, "sqlite"))
        # A workload of messages measures no latency.
        latencies = [f"{ms:.1f}" if ms else "" for ms in (measured.p50_ms, measured.p99_ms)]
        rows = result.counts.rows
        if result.shape == "sqlite":
            rows = written.get(result.work, 0) * measured.calls
        cells = [
            works[result.work],
            shapes[result.shape],
            f"{measured.rate:,.0f}",
            f"{measured.rate / embedded:.2f}" if embedded else "",
            *latencies,
            f"{commits / measured.seconds:,.0f}",
            f"{rows / commits:.0f}" if rows and commits else "",
            f"{result.reads:.2f}" if result.databases else "",
            f"{result.cpu_us('node'):.0f}",
            f"{result.calls_a_core:,.0f}",
            *(f"{result.cpu_us(kind):.0f}" if result.cpu_us(kind) else "" for kind in ("endpoint", "database", "load")),
            f"{result.others:.0%}",
            result.bound,
        ]
        lines.append(cells)
    return table(COLUMNS, lines)


def crossing_table(results: Sequence[Result], works: Mapping[str, str]) -> str:
    """What it costs that a key is another node's: one line for each workload."""
    lines = []
    for result in results:
        measured, counts = result.measured, result.counts
        lines.append(
            (
                works[result.work],
                f"{measured.rate:,.0f}",
                f"{measured.p50_ms:.1f}",
                f"{measured.p99_ms:.1f}",
                f"{result.cpu_us('node'):.0f}",
                f"{result.cpu_us('database'):.0f}",
                f"{counts.rows / measured.calls:.1f}",
                f"{counts.wal_bytes / measured.calls:,.0f}",
                f"{counts.commits / measured.seconds:,.0f}",
                f"{result.others:.0%}",
            )
        )
    return table(CROSSING_COLUMNS, lines)
