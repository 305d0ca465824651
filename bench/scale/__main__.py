"""`make bench-scale`: W1 to W5 on SQLite, on workers, on one to three nodes on PostgreSQL, and on two databases.

All of it runs on this machine. Nodes that share its cores show what a call costs, not how many there can be.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cpu import machine_busy_s
from bench.machine import environment
from bench.markdown import replace_measured
from bench.scale.fleet import SHAPES, Fleet, Shape, running_fleet
from bench.scale.result import FOREIGN, Result, median
from bench.scale.table import crossing_table, scale_table
from bench.scale.work import HELLO, Work, call, calls, works

WARM_S = 2.0
# Longer than a session of PostgreSQL keeps to itself what it has counted.
SETTLE_S = 1.2
MOST_TRIES = 4
# So many keys nobody has used: every node has some of them.
SETTLING_KEYS = 16


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to measure; ``works`` are names."""

    shapes: Sequence[Shape]
    works: Sequence[str]
    seconds: float
    rounds: int
    callers: int
    each: bool
    messages: int
    endpoints: int

    def works_on(self, shape: Shape) -> dict[str, Work]:
        """The workloads as this shape gets them."""
        callers = self.callers * (shape.nodes if self.each else 1)
        return {name: work for name, work in works(callers, self.messages).items() if name in self.works}


def measure(chosen: Chosen) -> list[Result]:
    """Every workload on every shape, each as many times as there are rounds, the shapes in turn."""
    results: dict[tuple[str, str], list[Result]] = {}
    for number in range(chosen.rounds):
        for shape in chosen.shapes:
            print(f"round {number + 1} of {chosen.rounds}: {shape.title}", file=sys.stderr, flush=True)
            with running_fleet(shape, chosen.endpoints) as fleet:
                # Caches and connections are then as they are in processes that work.
                calls("load.v1.LoadService/Empty", HELLO, chosen.callers, fleet, WARM_S)
                calls("load.v1.LoadService/Steps", HELLO, chosen.callers, fleet, WARM_S)
                for work in chosen.works_on(shape).values():
                    if work.only not in ("", shape.name):
                        continue
                    results.setdefault((work.name, shape.name), []).append(
                        run_alone(fleet, shape, work, chosen.seconds)
                    )
    return [median(runs) for runs in results.values()]


def run_alone(fleet: Fleet, shape: Shape, work: Work, seconds: float) -> Result:
    """One workload, again while other programs of this machine disturb it; the run that was disturbed least counts."""
    runs = []
    for _ in range(MOST_TRIES):
        runs.append(run(fleet, shape, work, seconds))
        if runs[-1].others < FOREIGN:
            break
    return min(runs, key=lambda result: result.others)


def run(fleet: Fleet, shape: Shape, work: Work, seconds: float) -> Result:
    """One workload on processes that run."""
    settle(fleet)
    counts, cpu, busy_s, load_s = fleet.counters.read(), fleet.cpu(), machine_busy_s(), _ended_children_s()
    measured = work.run(fleet, seconds)
    busy_s = machine_busy_s() - busy_s
    used = {process: used_s - cpu.get(process, 0.0) for process, used_s in fleet.cpu().items()}
    used["load", 0] = _ended_children_s() - load_s
    exact = fleet.counters.read() - counts
    settle(fleet)
    counted = replace(fleet.counters.read() - counts, commits=exact.commits, wal_bytes=exact.wal_bytes)
    print(f"  {work.title}: {measured.rate:,.0f}/s", file=sys.stderr, flush=True)
    cores = os.cpu_count() or 1
    return Result(work.name, shape.name, measured, counted, used, busy_s, cores, shape.databases)


def settle(fleet: Fleet) -> None:
    """Lets every node read and commit once more after a pause, so that servers have counted all that was before."""
    time.sleep(SETTLE_S)
    for number in range(SETTLING_KEYS):
        call(fleet.ingresses[0], "load.v1.Counter/Add", {"counter": f"settle {number} {time.monotonic_ns()}"})


def _ended_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _read_options() -> tuple[Chosen, Path | None, str]:
    options = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    options.add_argument("--seconds", type=float, default=5, help="how long each workload runs")
    options.add_argument("--rounds", type=int, default=1, help="how often; the run in the middle is told")
    options.add_argument("--callers", type=int, default=64, help="of all nodes together")
    options.add_argument("--each", action="store_true", help="so many callers for each node")
    options.add_argument("--messages", type=int, default=10_000, help="of W5")
    options.add_argument("--endpoints", type=int, default=2, help="processes of the one deployment")
    options.add_argument("--shape", action="append", choices=SHAPES, help="only these; may be given again")
    options.add_argument("--work", action="append", choices=works(0, 0), help="only these; may be given again")
    options.add_argument("--write", type=Path, help="a page with markers, to put the tables into")
    options.add_argument("--section", default="shapes", help="the markers of the first table")
    given = options.parse_args()
    chosen = Chosen(
        shapes=[SHAPES[name] for name in given.shape or SHAPES],
        works=given.work or list(works(0, 0)),
        seconds=given.seconds,
        rounds=given.rounds,
        callers=given.callers,
        each=given.each,
        messages=given.messages,
        endpoints=given.endpoints,
    )
    return chosen, given.write, given.section


def main() -> int:
    """Measures and prints."""
    chosen, page, section = _read_options()
    results = measure(chosen)
    named = works(0, 0)
    titles = {name: named[name].title for name in chosen.works}
    shapes = {shape.name: shape.title for shape in chosen.shapes}
    runs = f"{chosen.seconds:g} s a row, {chosen.callers} callers{' for each node' if chosen.each else ''}"
    if chosen.rounds > 1:
        runs += f"; of {chosen.rounds} runs the middle one"
    how = f"{environment()} {chosen.endpoints} endpoint processes; {runs}."
    everywhere = [result for result in results if not named[result.work].only]
    parts = {section: f"{how}\n\n{scale_table(everywhere, titles, shapes)}"}
    if crossing := [result for result in results if named[result.work].only]:
        parts["crossing"] = crossing_table(crossing, titles)
    for name, text in parts.items():
        print(text, end="\n\n")
        if page is not None:
            replace_measured(page, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
