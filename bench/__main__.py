"""`make bench`: W1, W2 and W3 on this machine, and where the time goes."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perdure_runtime.admin.client import AdminClient
from rich.console import Console
from rich.table import Table

from bench.cpu import cpu_s, resident_mb
from bench.grpc_load import run_grpc
from bench.http_load import Measured, run_wrk
from bench.parts import by_part
from examples.demo.processes import Service, free_port

EMPTY = "load.v1.LoadService/Empty"
STEPS = "load.v1.LoadService/Steps"
ADD = "load.v1.Counter/Add"
HELLO = '\'{"text":"hello"}\''
HOT = '\'{"counter":"hot"}\''
COLD = "'{\"counter\":\"' .. math.random(1000) .. '\"}'"

# The rows whose cost is told by part.
EXPLAINED = ("W1 empty call", "W2 three steps", "W3 1,000 keys")

# Wide enough for the tables, also where nothing says how wide the output is.
console = Console(highlight=False, width=120)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    transport: str
    callers: int
    run: Callable[[str, float], Measured]


def rows() -> list[Row]:
    """All workloads."""
    http = [
        Row(name, "JSON", callers, partial(run_wrk, method=method, callers=callers, body=body))
        for name, method, body, crowd in (
            ("W1 empty call", EMPTY, HELLO, (1, 32, 64, 256)),
            ("W2 three steps", STEPS, HELLO, (1, 32, 64, 256)),
            ("W3 one hot key", ADD, HOT, (64,)),
            ("W3 1,000 keys", ADD, COLD, (64,)),
        )
        for callers in crowd
    ]
    grpc = [
        Row(name, "gRPC", 64, partial(run_grpc, method=method, callers=64, keys=keys, text=text))
        for name, method, keys, text in (
            ("W1 empty call", EMPTY, 0, "hello"),
            ("W2 three steps", STEPS, 0, "hello"),
            ("W3 one hot key", ADD, 0, "hot"),
            ("W3 1,000 keys", ADD, 1000, ""),
        )
    ]
    return http + grpc


class Pair:
    """A runtime and an endpoint, each a process."""

    def __init__(self, directory: Path, profile: bool) -> None:
        ingress, admin, endpoint = free_port(), free_port(), free_port()
        self.ingress = f"127.0.0.1:{ingress}"
        self._admin = ("127.0.0.1", admin)
        self._endpoint_address = f"127.0.0.1:{endpoint}"
        self.profiles = {"runtime": directory / "runtime.prof", "endpoint": directory / "endpoint.prof"}
        self.endpoint = Service(
            "endpoint",
            ["serve", "bench.app:app", "--listen", self._endpoint_address],
            endpoint,
            directory / "endpoint.log",
            profile=self.profiles["endpoint"] if profile else None,
        )
        self.runtime = Service(
            "runtime",
            ["up", "--data", str(directory / "data"), "--ingress", self.ingress, "--admin", f"127.0.0.1:{admin}"],
            ingress,
            directory / "runtime.log",
            profile=self.profiles["runtime"] if profile else None,
        )

    def __enter__(self) -> "Pair":
        self.endpoint.start()
        self.runtime.start()
        asyncio.run(AdminClient(*self._admin).register(self._endpoint_address))
        return self

    def __exit__(self, *_: object) -> None:
        self.runtime.stop()
        self.endpoint.stop()


@dataclass(frozen=True, slots=True)
class Result:
    """What a row measured, and the CPU of each process for one call, in microseconds."""

    row: Row
    measured: Measured
    cpu_us: Mapping[str, float]


def measure(seconds: float) -> list[Result]:
    """Runs every row against one runtime and one endpoint, and prints the table."""
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as name, Pair(Path(name), profile=False) as pair:
        pids = {"runtime": pair.runtime.pid, "endpoint": pair.endpoint.pid}
        run_wrk(
            pair.ingress, 2, method=EMPTY, callers=64, body=HELLO
        )  # Caches and connections as they are in a process that works.
        results = []
        for row in rows():
            console.print(f"[dim]{row.name}, {row.transport}, {row.callers} callers …[/]")
            before = {name: cpu_s(pid) for name, pid in pids.items()}
            measured = row.run(pair.ingress, seconds)
            used = {name: (cpu_s(pid) - before[name]) / measured.calls * 1e6 for name, pid in pids.items()}
            results.append(Result(row, measured, used))
        memory = ", ".join(f"{name} {resident_mb(pid):.0f} MB" for name, pid in pids.items())
    console.print(results_table(results))
    console.print(f"SQLite, WAL, synchronous=FULL; one runtime process, one endpoint process; resident: {memory}")
    return results


def results_table(results: Iterable[Result]) -> Table:
    """One line a row."""
    table = Table("work", "by", "callers", "calls/s", "p50 ms", "p99 ms", "runtime µs/call", "endpoint µs/call")
    for result in results:
        row, measured = result.row, result.measured
        numbers = (f"{measured.rate:,.0f}", f"{measured.p50_ms:.1f}", f"{measured.p99_ms:.1f}")
        cpu = (f"{result.cpu_us[process]:.0f}" for process in ("runtime", "endpoint"))
        table.add_row(row.name, row.transport, str(row.callers), *numbers, *cpu)
    return table


def explain(results: Iterable[Result], seconds: float) -> None:
    """Prints where the CPU of a call goes: the shares of a profile, of the CPU that the call costs without one."""
    for result in results:
        row = result.row
        if row.callers != 64 or row.name not in EXPLAINED:
            continue
        with tempfile.TemporaryDirectory(prefix="perdure-bench-") as name:
            pair = Pair(Path(name), profile=True)
            with pair:
                row.run(pair.ingress, seconds)
            table = Table("µs of CPU a call", *pair.profiles, title=f"{row.name}, {row.transport}")
            costs = {
                process: costs_by_part(profile, result.cpu_us[process]) for process, profile in pair.profiles.items()
            }
            for part in sorted({part for cost in costs.values() for part in cost}, key=lambda part: -most(costs, part)):
                table.add_row(part, *(f"{cost[part]:.0f}" if part in cost else "" for cost in costs.values()))
        console.print(table)


def costs_by_part(profile: Path, cpu_us: float) -> dict[str, float]:
    """Microseconds by part; what is below one counts as the rest."""
    parts = by_part(profile)
    total = sum(parts.values())
    costs = {part: seconds / total * cpu_us for part, seconds in parts.items()}
    rest = sum(cost for cost in costs.values() if cost < 1)
    return {**{part: cost for part, cost in costs.items() if cost >= 1}, "the rest": rest}


def most(costs: Mapping[str, Mapping[str, float]], part: str) -> float:
    """What a part costs in the process where it costs most."""
    return max(cost.get(part, 0.0) for cost in costs.values())


def main() -> int:
    """Measures, then explains."""
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--seconds", type=float, default=5, help="how long each row runs")
    options.add_argument("--no-profile", action="store_true", help="only measure")
    chosen = options.parse_args()
    results = measure(chosen.seconds)
    if not chosen.no_profile:
        explain(results, chosen.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
