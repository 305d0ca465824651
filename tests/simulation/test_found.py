"""Bugs that the simulation has found, each by the smallest plan that shows it."""

from unittest.mock import patch

import pytest
from perdure import driver
from perdure_runtime.node import loop as node_loop

from tests.simulation.drawing import Plan
from tests.simulation.faults import Fault, Kind
from tests.simulation.program import Awake, Body, By, Errand, Fork, Op, Program, Role, Sleep, Step
from tests.simulation.shape import Shape
from tests.simulation.simulation import simulate

# A step tells the id of an awakeable to the world, and the node dies before the awakeable is durable.
TELLS = (Sleep("sleep-1", 20), Step("step-2"), Awake("awake-3", By.OUTSIDER))
# Tasks of tasks ask for something a turn later than others, and a result comes between.
NESTED = (
    Fork(
        "fork-1",
        (
            (
                Fork(
                    "fork-2",
                    (
                        (Sleep("sleep-3", 0), Step("step-4", failures=1)),
                        (Fork("fork-5", ((Step("step-6"),), (Step("step-7"),))),),
                    ),
                ),
            ),
            (Step("step-8"),),
        ),
    ),
)

# While the only partition of a cluster is handed over, a timer that was due before comes to its turn.
DELAYED = Errand(Body("body", Role.WORK, "", (Step("step-1"),)), at_ms=0, delay_ms=300)
ONE_PARTITION = Shape(nodes=1, partitions=1, alone=False)


def breaches(ops: tuple[Op, ...], kind: Kind) -> set[str]:
    """What is found when a body is struck at every other millisecond of its life, by some chances each."""
    errand = Errand(Body("body", Role.WORK, "", ops), at_ms=0)
    found: set[str] = set()
    for seed in range(10):
        for at_ms in range(10, 50, 2):
            fault = Fault(at_ms * 1000, kind, "workers", lasts_ms=5)
            found.update(breach.checker for breach in simulate(Plan(seed, Program((errand,)), (fault,))).breaches)
    return found


def test_an_awakeable_that_the_world_is_told_of_outlives_the_node() -> None:
    assert breaches(TELLS, Kind.NODE_CRASH_IN_COMMIT) == set()


def test_an_awakeable_that_is_told_of_too_early_would_be_found() -> None:
    with patch.object(node_loop, "Command", type("Never", (), {})):
        assert breaches(TELLS, Kind.NODE_CRASH_IN_COMMIT) == {"awakeables that were told of are there"}


@pytest.mark.parametrize("kind", [Kind.ENDPOINT_CRASH, Kind.NODE_CRASH])
def test_tasks_of_tasks_ask_in_the_same_order_in_every_attempt(kind: Kind) -> None:
    assert breaches(NESTED, kind) == set()


def test_tasks_of_tasks_that_get_no_turns_would_be_found() -> None:
    with patch.object(driver, "QUIET_TURNS", 0), patch.object(driver, "_can_run", lambda task: False):
        assert breaches(NESTED, Kind.ENDPOINT_CRASH) != set()


def breaches_of_a_hand_over() -> set[str]:
    """What is found when a node fails to commit and hands over what it has before it has started again."""
    found: set[str] = set()
    for seed in range(5):
        for at_ms in range(310, 410, 5):
            faults = (
                Fault(290_000, Kind.COMMITS_FAIL, lasts_ms=5, count=1),
                Fault(at_ms * 1000, Kind.NODE_DRAINED, lasts_ms=30),
            )
            run = simulate(Plan(seed, Program((DELAYED,)), faults, shape=ONE_PARTITION))
            found.update(breach.checker for breach in run.breaches)
    return found


def test_the_only_partition_is_not_worked_on_while_it_is_handed_over() -> None:
    assert breaches_of_a_hand_over() == set()


def test_work_on_a_partition_that_is_handed_over_would_be_found() -> None:
    with patch.object(node_loop.PartitionLoop, "_is_here", lambda self, input: True):
        assert breaches_of_a_hand_over() == {"steps start under a lease"}
