"""Thousands of worlds, each with its own programs and faults, in which nothing may go wrong."""

import os

from tests.simulation.faults import Kind
from tests.simulation.runner import replay_command, run_seeds

SEEDS = range(2_000)


def test_nothing_goes_wrong_in_any_world() -> None:
    summary = run_seeds(SEEDS, jobs=os.cpu_count() or 1)
    assert summary.seeds == len(SEEDS)
    assert set(summary.struck) == set(Kind)
    failed = "\n".join(f"seed {seed}: {breach}\n  {replay_command(seed)}" for seed, breach in summary.failed.items())
    assert not failed, failed
