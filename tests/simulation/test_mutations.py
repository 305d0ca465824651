"""The simulation finds bugs: each that can be planted is found, by a seed among the first few hundred."""

import pytest

from tests.simulation.hunting import MUTATIONS, hunt, mutated
from tests.simulation.runner import run_chunk


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_bug_is_found(name: str) -> None:
    found = hunt(name)
    assert found is not None, f"no seed has found that {name}"


def test_a_bug_is_gone_when_it_is_dug_out() -> None:
    with mutated("timers fire early"):
        assert run_chunk(range(20)).failed
    assert not run_chunk(range(20)).failed
