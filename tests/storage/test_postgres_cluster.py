"""Nodes that meet in PostgreSQL in the middle of what they do: who comes second waits, and then sees what was done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from perdure_runtime.partition import ids
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.cluster import owned_by
from perdure_runtime.storage.postgres import PostgresCluster, PostgresStorage, cluster, ownership
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.statements import Parameters
from perdure_runtime.storage.postgres.values import adapt

from tests.storage.cluster_homes import LEASE_S, PARTITIONS, PostgresClusterHome, closing_home
from tests.storage.homes import PostgresHome, make_database
from tests.storage.samples import bare, inserting, save

ALL = range(PARTITIONS)
IDS = [ids.mint(1, 0, partition * (1 << 16) // PARTITIONS) for partition in ALL]


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Iterator[PostgresClusterHome]:
    server = request.getfixturevalue("cluster").url
    with closing_home(PostgresClusterHome(PostgresHome(make_database(server), PARTITIONS))) as opened:
        assert isinstance(opened, PostgresClusterHome)
        yield opened


@pytest.fixture
def bob(home: PostgresClusterHome) -> PostgresCluster:
    joined = home.join("bob")
    joined.look()
    return joined


@pytest.fixture
def ada(home: PostgresClusterHome) -> PostgresCluster:
    """A node that owns everything."""
    joined = home.join("ada")
    joined.take(joined.look().partitions)
    return joined


@pytest.fixture
def storage(home: PostgresClusterHome, ada: PostgresCluster) -> PostgresStorage:
    """The storage of the node that owns everything."""
    opened = home.open("ada")
    opened.own(dict.fromkeys(ALL, 1))
    return opened


def test_whoever_takes_waits_for_a_commit_under_way_and_has_it(
    home: PostgresClusterHome, storage: PostgresStorage, bob: PostgresCluster
) -> None:
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    storage.stage(inserting(bare(IDS[1])))
    with ThreadPoolExecutor(2) as threads:
        with home.home.holding():
            committing = threads.submit(storage.commit)
            home.home.wait_until_blocked(1)
            taking = threads.submit(bob.take, seen)
            home.home.wait_until_blocked(2)
        committing.result()
        assert taking.result() == dict.fromkeys(ALL, 2)
    successor = home.open("bob")
    assert [row.id for row in successor.active([1], "", 9)] == [IDS[1]]


def test_a_commit_that_waits_for_whoever_takes_is_refused(home: PostgresClusterHome, storage: PostgresStorage) -> None:
    storage.stage(inserting(*map(bare, IDS)))
    with ThreadPoolExecutor(1) as thread:
        with home.home.holding() as taker:
            committing = thread.submit(storage.commit)
            home.home.wait_until_blocked(1)
            taker.execute("UPDATE perdure.partition SET owner = 'bob', epoch = epoch + 1 WHERE partition = 2")
        with pytest.raises(StaleEpoch) as stale:
            committing.result()
    assert stale.value.partitions == {2}
    assert storage.active(ALL, "", 9) == []


def test_what_is_given_waits_for_a_commit_under_way(
    home: PostgresClusterHome, storage: PostgresStorage, ada: PostgresCluster, bob: PostgresCluster
) -> None:
    storage.stage(inserting(bare(IDS[1])))
    with ThreadPoolExecutor(2) as threads:
        with home.home.holding():
            committing = threads.submit(storage.commit)
            home.home.wait_until_blocked(1)
            giving = threads.submit(ada.give, {1: 1}, "bob")
            home.home.wait_until_blocked(2)
        committing.result()
        giving.result()
    assert owned_by(bob.look(), "bob") == {1: 2}


def test_a_node_that_renews_while_its_partitions_are_taken_sees_that_they_are(
    home: PostgresClusterHome, ada: PostgresCluster, bob: PostgresCluster
) -> None:
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    # The taker has found that the lease is over, and waits for the row of the writer.
    with ThreadPoolExecutor(2) as threads:
        home.open("ada")
        with home.home.holding():
            taking = threads.submit(bob.take, seen)
            home.home.wait_until_blocked(1)
            looking = threads.submit(ada.look)
            home.home.wait_until_blocked(2)
        assert taking.result() == dict.fromkeys(ALL, 2)
        assert owned_by(looking.result(), "ada") == {}


def test_a_dead_node_that_hangs_in_a_commit_is_cut_off(
    home: PostgresClusterHome, storage: PostgresStorage, bob: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOCK_TIMEOUT", "20ms")
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    hanging = psycopg.connect(home.home.address)
    hanging.execute("UPDATE perdure.writer SET batch = batch + 1 WHERE node = 'ada'")
    with pytest.raises(StorageFailure, match=r"taking partitions failed.*middle of a commit"):
        bob.take(seen)
    assert bob.take(seen) == dict.fromkeys(ALL, 2)
    with pytest.raises(psycopg.OperationalError):
        hanging.execute("COMMIT")


def test_a_node_with_a_lease_that_hangs_in_a_commit_is_waited_for(
    home: PostgresClusterHome, storage: PostgresStorage, bob: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOCK_TIMEOUT", "20ms")
    seen = bob.look().partitions
    with psycopg.connect(home.home.address) as hanging:
        hanging.execute("UPDATE perdure.writer SET batch = batch + 1 WHERE node = 'ada'")
        with pytest.raises(StorageFailure, match="middle of a commit"):
            bob.take(seen)
    assert bob.take(seen) == {}


def test_a_process_that_is_stopped_in_the_middle_of_sending_a_batch_holds_up_nobody(
    home: PostgresClusterHome, storage: PostgresStorage, bob: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOCK_TIMEOUT", "20ms")
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    stopped, taken = Link(Address(home.home.address)), dict[int, int]()

    def sending() -> Iterator[tuple[str, Parameters]]:
        yield from ownership.batch("ada", 1 << 60, {0: 1})
        # Here it was stopped, and here others go on.
        home.home.wait_until_held("ada")
        with pytest.raises(StorageFailure):
            bob.take(seen)
        taken.update(bob.take(seen))
        yield "UPDATE perdure.partition SET owner = 'ada'", {}

    with pytest.raises(psycopg.OperationalError):
        stopped.transact(sending())
    assert taken == dict.fromkeys(ALL, 2)
    assert set(owned_by(bob.read(), "bob")) == set(ALL)


def test_the_server_ends_the_transaction_of_a_node_that_is_stopped_in_the_middle(
    home: PostgresClusterHome, storage: PostgresStorage, bob: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOCK_TIMEOUT", "20s")
    home.pass_time(LEASE_S + 1)
    seen = bob.look().partitions
    with psycopg.connect(home.home.address) as stopped:
        adapt(stopped)
        ((sql, parameters),) = ownership.batch("ada", 1 << 60, {})
        stopped.execute(sql.replace(ownership.IDLE_TIMEOUT, "100ms"), parameters)
        # Its row is locked until the server has had enough of it.
        assert bob.take(seen) == dict.fromkeys(ALL, 2)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            stopped.execute("COMMIT")


def test_an_older_process_of_a_node_can_write_nothing_any_more(
    home: PostgresClusterHome, storage: PostgresStorage
) -> None:
    save(storage, inserting(bare(IDS[0])))
    newer = home.open("ada")
    newer.own(dict.fromkeys(ALL, 1))
    for _ in range(3):
        with pytest.raises(StaleEpoch) as stale:
            save(storage, inserting(bare(IDS[1]), bare(IDS[2])))
        assert stale.value.partitions == {1, 2}
    save(newer, inserting(bare(IDS[1])))
    assert [row.id for row in newer.active(ALL, "", 9)] == IDS[:2]


def test_a_connection_that_was_cut_costs_a_node_nothing(home: PostgresClusterHome, ada: PostgresCluster) -> None:
    home.home.by_hand(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert owned_by(ada.look(), "ada") == dict.fromkeys(ALL, 1)


def test_a_server_that_is_away_is_told(home: PostgresClusterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(link: Link) -> psycopg.Connection[tuple[object, ...]]:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(Link, "connection", away)
    with pytest.raises(StorageFailure, match=r"renewing the lease failed .*cannot be reached"):
        home.join("eve").look()
