"""What every adapter of the cluster port does: leases, and who owns what."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from perdure_runtime.partition import ids
from perdure_runtime.partition.view import InvocationDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.cluster import Cluster, Holding, NodeRow, Snapshot, free, owned_by

from tests.storage.cluster_homes import (
    LEASE_S,
    PARTITIONS,
    ClusterHome,
    MemoryClusterHome,
    PostgresClusterHome,
    closing_home,
)
from tests.storage.homes import PostgresHome, make_database
from tests.storage.samples import bare, inserting, save

ALL = range(PARTITIONS)
IDS = [ids.mint(1, 0, partition * (1 << 16) // PARTITIONS) for partition in ALL]


@pytest.fixture(params=["postgres", "memory"])
def home(request: pytest.FixtureRequest) -> Iterator[ClusterHome]:
    """A database of either sort."""
    if request.param == "memory":
        yield MemoryClusterHome()
        return
    server = request.getfixturevalue("cluster").url
    with closing_home(PostgresClusterHome(PostgresHome(make_database(server), PARTITIONS))) as opened:
        yield opened


@pytest.fixture
def ada(home: ClusterHome) -> Cluster:
    """A node that has joined and owns everything."""
    joined = home.join("ada")
    taken = joined.take(joined.look().partitions)
    assert taken == dict.fromkeys(ALL, 1)
    return joined


@pytest.fixture
def bob(home: ClusterHome) -> Cluster:
    """Another node that has joined."""
    joined = home.join("bob")
    joined.look()
    return joined


def owners(snapshot: Snapshot) -> list[str]:
    """Who owns which partition."""
    return [snapshot.partitions[partition].owner for partition in ALL]


def test_a_new_cluster_has_all_partitions_and_nobody_owns_them(home: ClusterHome) -> None:
    snapshot = home.join("ada").read()
    assert snapshot == Snapshot({}, {partition: Holding("", 0) for partition in ALL})
    assert sorted(free(snapshot)) == list(ALL)


def test_whoever_looks_has_joined_with_a_lease(home: ClusterHome) -> None:
    seen = home.join("ada").look().nodes["ada"]
    assert (seen.id, seen.address, seen.draining, seen.alive) == ("ada", "ada:1", False, True)
    assert LEASE_S - 60 < seen.lease_left_s <= LEASE_S


def test_whoever_only_reads_has_not_joined(home: ClusterHome, bob: Cluster) -> None:
    assert list(home.join("ada").read().nodes) == ["bob"]


def test_a_node_says_that_it_drains(home: ClusterHome, bob: Cluster) -> None:
    bob.look(draining=True)
    assert home.join("ada").look().nodes["bob"].draining
    bob.look()
    assert not home.join("ada").look().nodes["bob"].draining


def test_looking_renews_a_lease_and_reading_does_not(home: ClusterHome, bob: Cluster) -> None:
    home.pass_time(LEASE_S - 60)
    assert bob.read().nodes["bob"].lease_left_s <= 60
    assert bob.look().nodes["bob"].lease_left_s > LEASE_S - 60
    home.pass_time(LEASE_S + 1)
    seen = bob.read().nodes["bob"]
    assert not seen.alive
    assert -60 < seen.lease_left_s < 0


def test_what_is_free_is_taken_with_a_higher_epoch(ada: Cluster) -> None:
    assert owned_by(ada.read(), "ada") == dict.fromkeys(ALL, 1)


def test_what_has_an_owner_with_a_lease_is_not_taken(ada: Cluster, bob: Cluster) -> None:
    assert bob.take(bob.look().partitions) == {}
    assert owned_by(bob.read(), "ada") == dict.fromkeys(ALL, 1)


def test_what_is_not_as_it_was_seen_is_not_taken(home: ClusterHome, bob: Cluster) -> None:
    seen = home.join("eve").look().partitions
    assert bob.take({0: seen[0], 1: Holding("", 7), 2: Holding("ada", 0)}) == {0: 1}
    assert home.join("eve").take(seen) == {1: 1, 2: 1, 3: 1}


def test_once_a_lease_is_over_others_take_the_partitions(home: ClusterHome, ada: Cluster, bob: Cluster) -> None:
    home.pass_time(LEASE_S + 1)
    seen = bob.look()
    assert sorted(free(seen)) == list(ALL)
    assert bob.take({partition: seen.partitions[partition] for partition in (1, 2)}) == {1: 2, 2: 2}
    assert owners(bob.read()) == ["ada", "bob", "bob", "ada"]


def test_a_node_that_renews_late_has_what_nobody_took(home: ClusterHome, ada: Cluster, bob: Cluster) -> None:
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    bob.take({0: seen[0]})
    assert owned_by(ada.look(), "ada") == {1: 1, 2: 1, 3: 1}
    assert bob.take(seen) == {}


def test_a_zombie_cannot_write_what_was_taken(home: ClusterHome, ada: Cluster, bob: Cluster) -> None:
    zombie, successor = home.open("ada"), home.open("bob")
    zombie.own(dict.fromkeys(ALL, 1))
    save(zombie, inserting(bare(IDS[0])))
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    taken = bob.take({0: seen[0], 1: seen[1]})
    with pytest.raises(StaleEpoch) as stale:
        save(zombie, inserting(*map(bare, IDS[1:])))
    assert stale.value.partitions == {1}
    # What it has yet, it writes yet.
    zombie.own({2: 1, 3: 1})
    save(zombie, inserting(bare(IDS[2])))
    successor.own(taken)
    assert [row.id for row in successor.active([0, 1], "", 9)] == [IDS[0]]
    save(successor, inserting(bare(IDS[1])))


def test_what_is_given_is_the_others_at_once(home: ClusterHome, ada: Cluster, bob: Cluster) -> None:
    giver, getter = home.open("ada"), home.open("bob")
    giver.own(dict.fromkeys(ALL, 1))
    ada.give({1: 1, 3: 1}, to="bob")
    given = owned_by(bob.look(), "bob")
    assert given == {1: 2, 3: 2}
    getter.own(given)
    save(getter, inserting(bare(IDS[1]), bare(IDS[3])))
    with pytest.raises(StaleEpoch) as stale:
        save(giver, inserting(*map(bare, IDS[2:])))
    assert stale.value.partitions == {3}


def test_what_is_given_to_nobody_is_free(ada: Cluster, bob: Cluster) -> None:
    ada.give({1: 1}, to="")
    assert owners(ada.read()) == ["ada", "", "ada", "ada"]
    assert bob.take(bob.look().partitions) == {1: 3}


def test_only_what_is_owned_can_be_given(ada: Cluster, bob: Cluster) -> None:
    ada.give({1: 1}, to="bob")
    ada.give({1: 1, 2: 7, 3: 1}, to="")
    bob.give({0: 1}, to="bob")
    assert owners(ada.read()) == ["ada", "bob", "ada", ""]
    assert ada.read().partitions[1] == Holding("bob", 2)


def test_a_node_that_leaves_sets_free_what_it_owned(ada: Cluster, bob: Cluster) -> None:
    ada.leave()
    seen = bob.look()
    assert list(seen.nodes) == ["bob"]
    assert sorted(free(seen)) == list(ALL)
    assert sorted(bob.take(seen.partitions)) == list(ALL)


def test_what_is_given_to_a_node_that_has_left_can_be_taken(ada: Cluster, bob: Cluster) -> None:
    bob.leave()
    ada.give({1: 1}, to="bob")
    seen = ada.look()
    assert list(free(seen)) == [1]
    assert list(ada.take({1: seen.partitions[1]})) == [1]


def test_of_many_who_take_at_once_exactly_one_gets_each(home: ClusterHome) -> None:
    nodes = [home.join(f"node_{number}") for number in range(6)]
    seen = [node.look() for node in nodes][-1].partitions
    with ThreadPoolExecutor(len(nodes)) as threads:
        taken = [each.result() for each in [threads.submit(node.take, seen) for node in nodes]]
    assert sorted(partition for each in taken for partition in each) == list(ALL)
    for node, each in zip(range(6), taken, strict=True):
        assert owned_by(nodes[0].read(), f"node_{node}") == each


def test_a_node_that_has_been_dead_for_long_is_forgotten(home: ClusterHome, ada: Cluster, bob: Cluster) -> None:
    eve = home.join("eve")
    eve.look()
    home.pass_time(LEASE_S + 3_590)
    assert sorted(ada.look().nodes) == ["ada", "bob", "eve"]
    home.pass_time(20)
    assert sorted(ada.look().nodes) == ["ada"]
    # It comes back with the partitions of others untouched, and can write what it gets.
    ada.give({1: 1}, to="")
    seen = eve.look()
    taken = eve.take({1: seen.partitions[1]})
    storage = home.open("eve")
    storage.own(taken)
    save(storage, inserting(bare(IDS[1])))


def test_a_dead_node_is_known_while_it_owns_something(home: ClusterHome, ada: Cluster, bob: Cluster) -> None:
    home.pass_time(LEASE_S + 4_000)
    assert "ada" in bob.look().nodes
    assert sorted(bob.take(bob.read().partitions)) == list(ALL)
    assert "ada" not in bob.look().nodes


def test_a_storage_that_belongs_to_one_node_alone_takes_all(home: ClusterHome, ada: Cluster) -> None:
    storage, alone = home.open("ada"), home.open("alone")
    storage.own(dict.fromkeys(ALL, 1))
    assert alone.acquire() == dict.fromkeys(ALL, 2)
    with pytest.raises(StaleEpoch):
        save(storage, inserting(bare(IDS[0])))
    save(alone, inserting(bare(IDS[0])))


def test_a_closed_cluster_says_so(ada: Cluster) -> None:
    ada.close()
    ada.close()
    for use in (ada.look, ada.read, lambda: ada.take({}), lambda: ada.give({}, ""), ada.leave):
        with pytest.raises(StorageFailure, match="closed"):
            use()


def test_an_empty_batch_needs_no_partition(home: ClusterHome, bob: Cluster) -> None:
    storage = home.open("bob")
    storage.own({})
    save(storage, Writes())
    with pytest.raises(RuntimeError, match="does not own"):
        storage.load(InvocationDocument(IDS[0]))


def test_a_node_is_alive_while_something_is_left_of_its_lease() -> None:
    assert [NodeRow("a", "", left_s).alive for left_s in (1.0, 0.0, -1.0)] == [True, False, False]
