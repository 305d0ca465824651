"""Runs many seeds over processes, and says what was done to perdure and what was looked at."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from tests.simulation.drawing import draw
from tests.simulation.faults import Kind
from tests.simulation.hunting import mutated
from tests.simulation.simulation import simulate
from tests.simulation.witness import Breach

# Seeds that a process takes at a time.
CHUNK = 50


@dataclass(slots=True)
class Summary:
    """What came of some seeds."""

    seeds: int = 0
    failed: dict[int, Breach] = field(default_factory=dict)
    struck: Counter[Kind] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Summary") -> None:
        """Counts others in."""
        self.seeds += other.seeds
        self.failed.update(other.failed)
        self.struck.update(other.struck)
        self.checked.update(other.checked)
        self.happened.update(other.happened)

    def lines(self) -> Iterator[str]:
        """The table."""
        yield f"{self.seeds} seeds, {len(self.failed)} failed"
        yield "struck:"
        for kind in Kind:
            yield f"  {self.struck[kind]:9,}  {kind.value}"
        for title, counter in (("happened:", self.happened), ("looked at:", self.checked)):
            yield title
            for name, times in sorted(counter.items()):
                yield f"  {times:9,}  {name}"
        for seed, breach in sorted(self.failed.items()):
            yield f"seed {seed}: {breach}"
            yield f"  {replay_command(seed)}"


def replay_command(seed: int) -> str:
    """What shows a seed, and the smallest program and faults that still fail."""
    return f"python -m tests.simulation --seed {seed} --shrink"


def run_seeds(
    seeds: range, jobs: int, mutation: str = "", on_progress: Callable[[Summary], None] = lambda summary: None
) -> Summary:
    """Runs seeds over so many processes."""
    summary = Summary()
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    for part in _map(partial(run_chunk, mutation=mutation), chunks, jobs):
        summary.add(part)
        on_progress(summary)
    return summary


def _map(work: Callable[[range], Summary], chunks: Iterable[range], jobs: int) -> Iterator[Summary]:
    if jobs == 1:
        yield from map(work, chunks)
        return
    # Forking would copy whatever threads and loops the caller has.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, chunks)


def run_chunk(seeds: range, mutation: str = "") -> Summary:
    """Runs seeds here."""
    summary = Summary()
    with mutated(mutation):
        for seed in seeds:
            run = simulate(draw(seed))
            summary.seeds += 1
            summary.struck.update(run.struck)
            summary.checked.update(run.checked)
            summary.happened.update(run.happened)
            if run.breaches:
                summary.failed[seed] = run.breaches[0]
    gc.collect()
    return summary
