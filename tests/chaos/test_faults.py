"""The plan of faults: enough of them, all healed, and never so many at once that nobody is left."""

from collections.abc import Iterable
from itertools import pairwise

import pytest

from chaos.faults import Group, Kind, Planned, Setting, plan

SETTING = Setting(nodes=3, endpoints=2, lease_s=5.0)
SEEDS = range(10)
TEN_MINUTES_S = 600.0


def most_at_once(planned: Iterable[Planned], group: Group) -> int:
    """How many targets of a group are away together, at most."""
    faults = [fault for fault in planned if fault.kind.group is group]
    return max(len({each.target for each in faults if each.at_s <= fault.at_s < each.until_s}) for fault in faults)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_minutes_have_a_hundred_faults_of_every_kind(seed: int) -> None:
    planned = plan(seed, TEN_MINUTES_S, 5.0, SETTING)

    assert len(planned) >= 100
    assert {fault.kind for fault in planned} == set(Kind)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_node_and_one_endpoint_are_always_left(seed: int) -> None:
    planned = plan(seed, TEN_MINUTES_S, 5.0, SETTING)

    assert [most_at_once(planned, group) for group in (Group.NODE, Group.ENDPOINT, Group.DATABASE)] == [2, 1, 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_hit_again_while_it_is_away(seed: int) -> None:
    planned = plan(seed, TEN_MINUTES_S, 1.0, SETTING)

    for group in Group:
        for target in range(3):
            hits = [fault for fault in planned if (fault.kind.group, fault.target) == (group, target)]
            assert all(one.until_s < next.at_s for one, next in pairwise(hits))


@pytest.mark.parametrize("seed", SEEDS)
def test_all_is_healed_before_the_end(seed: int) -> None:
    assert all(fault.until_s < 60.0 for fault in plan(seed, 60.0, 5.0, SETTING))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_is_paused_for_longer_than_its_lease(seed: int) -> None:
    pauses = [fault for fault in plan(seed, TEN_MINUTES_S, 5.0, SETTING) if fault.kind is Kind.PAUSE_NODE]

    assert pauses
    assert all(fault.lasts_s >= 1.5 * SETTING.lease_s for fault in pauses)


def test_a_seed_gives_one_plan() -> None:
    assert plan(7, 60.0, 5.0, SETTING) == plan(7, 60.0, 5.0, SETTING)
    assert plan(7, 60.0, 5.0, SETTING) != plan(8, 60.0, 5.0, SETTING)


def test_a_single_node_is_not_cut_off_peers_that_it_does_not_have() -> None:
    planned = plan(1, TEN_MINUTES_S, 5.0, Setting(nodes=1, endpoints=1, lease_s=5.0))

    assert Kind.KILL_NODE in {fault.kind for fault in planned}
    assert Kind.CUT_PEERS not in {fault.kind for fault in planned}
