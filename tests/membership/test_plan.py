"""Nodes that follow their plans share the partitions evenly, in few moves, whatever they start from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_runtime.membership.plan import MOST_MOVES, plan
from perdure_runtime.storage.cluster import Holding, NodeRow, Snapshot, owned_by

from tests.membership.table import LEASE_S, NODES, SNAPSHOTS, Table, settled

ROUNDS = 8


@given(SNAPSHOTS)
def test_any_cluster_comes_into_balance(snapshot: Snapshot) -> None:
    table = Table(snapshot)
    for _ in range(ROUNDS):
        table.round()

    counts = table.counts()
    assert table.is_settled()
    assert not counts or (sum(counts) == len(table.partitions) and counts[-1] - counts[0] <= 1)


@given(SNAPSHOTS, st.data())
def test_nodes_that_act_on_what_they_saw_long_ago_come_into_balance_all_the_same(
    snapshot: Snapshot, data: st.DataObject
) -> None:
    table = Table(snapshot)
    plans = {id: table.plan(id) for id in table.alive}
    for _ in range(3 * len(plans)):
        id = data.draw(st.sampled_from(table.alive))
        table.follow(id, plans[id])
        if data.draw(st.booleans()):
            plans[id] = table.plan(id)
    for _ in range(ROUNDS):
        table.round()

    assert table.is_settled()


@given(SNAPSHOTS)
def test_no_two_nodes_reach_for_one_partition(snapshot: Snapshot) -> None:
    table = Table(snapshot)
    taken = [partition for id in table.alive for partition in table.plan(id).take]

    assert len(taken) == len(set(taken))


@given(SNAPSHOTS)
def test_the_order_in_which_rows_come_changes_nothing(snapshot: Snapshot) -> None:
    turned = Snapshot(dict(reversed(list(snapshot.nodes.items()))), dict(reversed(list(snapshot.partitions.items()))))
    table = Table(snapshot)

    assert all(table.plan(id) == table.plan(id, turned) for id in table.alive)


@given(SNAPSHOTS)
def test_a_node_gives_only_its_own_and_only_to_nodes_that_should_have_some(snapshot: Snapshot) -> None:
    table = Table(snapshot)
    for id in table.alive:
        give = table.plan(id).give
        given = [partition for partitions in give.values() for partition in partitions]

        assert owned_by(snapshot, id).keys() >= set(given)
        assert len(given) == len(set(given))
        assert give.keys() <= ({*table.takers} - {id} or {""})


@given(SNAPSHOTS)
def test_what_is_given_away_is_not_loaded_before(snapshot: Snapshot) -> None:
    table = Table(snapshot)
    for id in table.alive:
        steps = table.plan(id)

        assert not set(steps.gain) & {partition for partitions in steps.give.values() for partition in partitions}


@pytest.mark.parametrize("partitions", [1, 7, 64])
@pytest.mark.parametrize("nodes", [1, 2, 4])
def test_who_joins_gets_its_part_in_as_few_moves_as_can_be(nodes: int, partitions: int) -> None:
    table = settled(NODES[:nodes], partitions)
    table.renew("e")
    for _ in range(ROUNDS):
        table.round()

    assert table.is_settled()
    assert table.moves == partitions // (nodes + 1)


@pytest.mark.parametrize("partitions", [1, 7, 64])
@pytest.mark.parametrize("nodes", [2, 3, 5])
def test_of_who_dies_nothing_moves_but_what_it_had(nodes: int, partitions: int) -> None:
    table = settled(NODES[:nodes], partitions)
    dead = owned_by(table.see(), "a")
    table.nodes["a"] = NodeRow("a", "a:1", 0)
    for _ in range(ROUNDS):
        table.round()

    assert table.is_settled()
    assert table.moves == len(dead)


@pytest.mark.parametrize("nodes", [2, 3, 5])
def test_who_drains_gives_everything_at_once_and_evenly(nodes: int) -> None:
    table = settled(NODES[:nodes], 64)
    table.nodes["b"] = NodeRow("b", "b:1", LEASE_S, draining=True)
    table.follow("b", table.plan("b"))

    counts = table.counts()
    assert owned_by(table.see(), "b") == {}
    assert sum(counts) == 64
    assert counts[-1] - counts[0] <= 1


def test_who_drains_alone_gives_to_nobody() -> None:
    table = settled("a", 3)
    table.nodes["a"] = NodeRow("a", "a:1", LEASE_S, draining=True)

    steps = table.plan("a")

    assert steps.give == {"": [0, 1, 2]}
    assert steps.take == {}


def test_a_node_gives_only_so_much_at_once_to_one_that_joins() -> None:
    table = settled("a", 64)
    table.renew("b")

    assert len(table.plan("a").give["b"]) == MOST_MOVES


def test_what_a_node_was_given_it_has_to_load() -> None:
    snapshot = Snapshot({"a": NodeRow("a", "a:1", LEASE_S)}, {0: Holding("a", 4), 1: Holding("a", 2)})

    steps = plan("a", snapshot, {1: 2})

    assert (steps.gain, steps.lost) == ({0: 4}, frozenset())


def test_what_comes_back_with_a_new_epoch_is_loaded_again() -> None:
    snapshot = Snapshot({"a": NodeRow("a", "a:1", LEASE_S)}, {0: Holding("a", 4)})

    steps = plan("a", snapshot, {0: 2})

    assert (steps.gain, steps.lost) == ({0: 4}, frozenset({0}))


def test_what_another_node_owns_is_lost() -> None:
    nodes = {id: NodeRow(id, f"{id}:1", LEASE_S) for id in "ab"}

    steps = plan("a", Snapshot(nodes, {0: Holding("b", 4)}), {0: 3})

    assert (steps.gain, steps.lost) == ({}, frozenset({0}))
