"""Nodes that share partitions: in peace nothing moves, and whatever befalls one of them its partitions go on."""

import dataclasses

import pytest

from tests.simulation.drawing import Plan, draw
from tests.simulation.faults import Fault, Kind
from tests.simulation.program import Body, Bump, Errand, Program, Role, Sleep, Step
from tests.simulation.shape import Shape
from tests.simulation.simulation import simulate

THREE = Shape(nodes=3, partitions=5, alone=False)
TWO_DATABASES = Shape(nodes=3, partitions=5, databases=2, alone=False, clocks_off_ms=(300, -40, 7))
# It has begun a step, and another one is to come, when a fault strikes at 100 ms.
BODY = Body(
    "body", Role.WRITE, "a", (Bump("bump-1", 1), Step("step-2", takes_ms=150), Sleep("sleep-3", 50), Step("step-4"))
)
LASTS_MS = 900


@pytest.mark.parametrize("shape", [THREE, TWO_DATABASES], ids=str)
def test_nodes_share_the_work_in_peace(shape: Shape) -> None:
    runs = [simulate(dataclasses.replace(draw(seed), faults=(), shape=shape)) for seed in range(30)]
    assert [run.breaches for run in runs] == [()] * 30
    assert sum(run.happened["peers: parcel"] for run in runs) > 0
    assert sum(run.happened["peers: call"] for run in runs) > 0


@pytest.mark.parametrize(
    "kind",
    [
        Kind.NODE_CRASH,
        Kind.NODE_STOP,
        Kind.NODE_DRAINED,
        Kind.NODE_FROZEN,
        Kind.DATABASE_CUT,
        Kind.PEERS_SILENT,
    ],
)
def test_an_invocation_goes_on_whatever_befalls_its_node(kind: Kind) -> None:
    restarted = 0
    for victim in range(3):
        fault = Fault(100_000, kind, lasts_ms=LASTS_MS, count=victim)
        run = simulate(Plan(victim, Program((Errand(BODY, at_ms=0),)), (fault,), shape=THREE))
        assert run.breaches == ()
        assert run.struck == {kind: 1}
        restarted += run.happened["attempts"] > 1
    # It was at one of the three. Whoever is only cut off from its peers goes on by itself.
    assert restarted >= (kind is not Kind.PEERS_SILENT)
