"""Hunting planted bugs: a simulation that does not find them looks at nothing."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.simulation import mutations, mutations_of_clusters, mutations_of_requests
from tests.simulation.drawing import draw
from tests.simulation.planting import MUTATIONS
from tests.simulation.simulation import simulate
from tests.simulation.witness import Breach

__all__ = ["MUTATIONS", "Found", "hunt", "mutated", "mutations", "mutations_of_clusters", "mutations_of_requests"]

MOST_SEEDS = 400


@dataclass(frozen=True, slots=True)
class Found:
    """How soon a planted bug was found, and what found it."""

    seeds: int
    breach: Breach


def hunt(name: str, first: int = 0) -> Found | None:
    """Runs seeds until a planted bug is found; gives up after MOST_SEEDS."""
    with mutated(name):
        for number in range(MOST_SEEDS):
            breaches = simulate(draw(first + number)).breaches
            if breaches:
                return Found(number + 1, breaches[0])
    return None


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Plants a bug; an empty name plants none."""
    with ExitStack() as stack:
        if name:
            MUTATIONS[name](stack)
        yield
