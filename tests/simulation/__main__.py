"""Simulates perdure: many seeds, or one of them in full.

python -m tests.simulation --seeds 2000 [--first K] [--jobs J] [--mutation NAME]
python -m tests.simulation --seed N [--shrink] [--mutation NAME]
python -m tests.simulation --mutations
"""

import argparse
import os
import sys

from tests.simulation.drawing import Plan, draw
from tests.simulation.hunting import MUTATIONS, hunt, mutated
from tests.simulation.program import tell
from tests.simulation.runner import Summary, run_seeds
from tests.simulation.shrink import shrink
from tests.simulation.simulation import simulate

LINES_OF_TRACE = 60


def main() -> int:
    """Exit code 1 says that something failed."""
    parser = argparse.ArgumentParser("python -m tests.simulation", description="Simulates perdure.")
    parser.add_argument("--seeds", type=int, default=2_000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="in so many processes")
    parser.add_argument("--seed", type=int, help="one seed, told in full")
    parser.add_argument("--shrink", action="store_true", help="make a failing seed as small as it can be")
    parser.add_argument("--mutation", default="", choices=["", *MUTATIONS], help="with a bug planted")
    parser.add_argument("--mutations", action="store_true", help="plant each bug, and see how soon it is found")
    asked = parser.parse_args()
    if asked.mutations:
        return _mutations(asked.first)
    if asked.seed is not None:
        with mutated(asked.mutation):
            plan = draw(asked.seed)
            return _tell(shrink(plan) if asked.shrink else plan)
    summary = run_seeds(range(asked.first, asked.first + asked.seeds), asked.jobs, asked.mutation, _progress)
    print(*summary.lines(), sep="\n")
    return 1 if summary.failed else 0


def _tell(plan: Plan) -> int:
    run = simulate(plan)
    print(tell(plan.program))
    print(plan.shape, *(plan.faults or ["no faults"]), sep="\n")
    print(*run.trace[-LINES_OF_TRACE:], sep="\n")
    print(*run.breaches[:1] or [f"all is well; the digest of its trace is {run.digest}"])
    return 1 if run.breaches else 0


def _mutations(first: int) -> int:
    missed = False
    print(f"{'planted bug':44} {'seeds':>6}  found by")
    for name in MUTATIONS:
        found = hunt(name, first)
        missed |= found is None
        print(f"{name:44} " + (f"{found.seeds:6}  {found.breach.checker}" if found else "missed"), flush=True)
    return int(missed)


def _progress(summary: Summary) -> None:
    if sys.stderr.isatty():
        print(f"\r{summary.seeds} seeds, {len(summary.failed)} failed", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
