"""A seed is all that a run depends on, so a failing one can be looked at again and made smaller."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.drawing import Plan, draw
from tests.simulation.faults import Fault, Kind
from tests.simulation.hunting import mutated
from tests.simulation.program import Body, Errand, Program, Role, Step
from tests.simulation.shrink import Shrinking, first_breach, shrink
from tests.simulation.simulation import simulate

ROOT = Path(__file__).parents[2]
SEEDS = range(40)
DIGESTS = "from tests.simulation.test_replay import digests; print(*digests())"


def digests() -> list[str]:
    """What the seeds do, each as one word."""
    return [simulate(draw(seed)).digest for seed in SEEDS]


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_seed_does_the_same_in_another_process_with_another_order_of_hashes(hash_seed: str) -> None:
    elsewhere = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.split() == digests()


def test_seeds_differ() -> None:
    assert len(set(digests())) == len(SEEDS)


def test_a_failing_plan_shrinks_to_what_makes_it_fail() -> None:
    def fails(plan: Plan) -> str:
        has_step = any(isinstance(op, Step) for body in plan.program.bodies() for op in body.ops)
        has_crash = any(fault.kind is Kind.NODE_CRASH for fault in plan.faults)
        return "a step and a crash" if has_step and has_crash else ""

    plan = next(plan for plan in map(draw, range(1_000)) if fails(plan))
    small = Shrinking(plan, fails(plan), fails).run()
    (errand,) = small.program.errands
    assert errand == Errand(errand.body, errand.at_ms)
    assert errand.body.ops == (Step(errand.body.ops[0].path),)
    (fault,) = small.faults
    assert fault.kind is Kind.NODE_CRASH


def test_a_bug_is_told_by_a_smallest_program() -> None:
    with mutated("state is not written in the batch of an end"):
        plan = next(plan for plan in map(draw, range(100)) if first_breach(plan))
        small = shrink(plan)
        assert first_breach(small) == "state is that of its writers"
    assert first_breach(small) == ""
    assert small.faults == ()
    assert sum(len(body.ops) for body in small.program.bodies()) <= 2


def test_a_fault_strikes_at_its_time() -> None:
    body = Body("body-1", Role.WORK, "", (Step("step-2", takes_ms=40),))
    crash = Fault(20_000, Kind.ENDPOINT_CRASH, "workers", lasts_ms=5)
    run = simulate(Plan(1, Program((Errand(body, at_ms=0),)), (crash,)))
    assert run.breaches == ()
    assert run.struck == {Kind.ENDPOINT_CRASH: 1}
    executions = [line.split(" ", 1) for line in run.trace if "executes step-2" in line]
    (before, first), (after, second) = executions
    assert (first[-2:], second[-2:]) == ("#1", "#2")
    assert float(before) < 0.020 < float(after)
