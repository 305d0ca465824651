"""Connections to PostgreSQL that are lost, in the middle of a commit too: what was kept is never in doubt for long."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from perdure_runtime.partition.view import InvocationDocument, StateDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.postgres import PostgresStorage, ownership
from perdure_runtime.storage.postgres.migrations import BROKEN

from examples.exactly_once_postgres.cluster import Cluster
from tests.storage.homes import PostgresHome, copy_database
from tests.storage.proxy import Fault, Proxy, proxy_to
from tests.storage.samples import bare, inserting, save


@pytest.fixture
def home(template: str) -> PostgresHome:
    return PostgresHome(copy_database(template))


@pytest.fixture
def network(home: PostgresHome) -> Iterator[Proxy]:
    server = urlsplit(home.address)
    assert server.hostname is not None
    assert server.port is not None
    with proxy_to(server.hostname, server.port) as proxy:
        yield proxy


@pytest.fixture
def storage(home: PostgresHome, network: Proxy) -> Iterator[PostgresStorage]:
    """A storage behind the network, with one invocation."""
    server = urlsplit(home.address)
    opened = PostgresStorage(server._replace(netloc=f"postgres@127.0.0.1:{network.port}").geturl(), "lonely")
    opened.acquire()
    save(opened, inserting(bare("inv_1")))
    yield opened
    opened.close()


def state(storage: PostgresStorage) -> object:
    return storage.load(StateDocument("s", "k"))


SET = Writes(state={("s", "k", "a"): b"1"})


def test_a_commit_whose_answer_is_lost_was_kept_and_succeeds(network: Proxy, storage: PostgresStorage) -> None:
    network.fault = Fault.LOSE_ANSWER
    save(storage, inserting(bare("inv_2")))
    assert network.fault is Fault.NONE
    assert storage.load(InvocationDocument("inv_2")) == bare("inv_2")
    save(storage, inserting(bare("inv_3")))
    assert [row.id for row in storage.active([0], "", 9)] == ["inv_1", "inv_2", "inv_3"]


def test_a_commit_that_never_reached_the_server_is_sent_again(network: Proxy, storage: PostgresStorage) -> None:
    network.fault = Fault.LOSE_REQUEST
    save(storage, inserting(bare("inv_2")))
    assert network.fault is Fault.NONE
    assert [row.id for row in storage.active([0], "", 9)] == ["inv_1", "inv_2"]


def test_a_batch_that_reaches_the_server_late_is_refused(network: Proxy, storage: PostgresStorage) -> None:
    network.fault, network.closed_after_fault = Fault.DELAY_REQUEST, True
    with pytest.raises(StorageFailure, match="cannot be reached"):
        save(storage, SET)
    network.closed = False
    # From this answer on that batch must stay away.
    assert state(storage) == {}
    assert BROKEN.encode() in network.deliver()
    assert state(storage) == {}
    save(storage, Writes(state={("s", "k", "b"): b"2"}))
    assert state(storage) == {"b": b"2"}


def test_while_nobody_knows_what_was_kept_nothing_is_read_or_written(network: Proxy, storage: PostgresStorage) -> None:
    network.fault, network.closed_after_fault = Fault.LOSE_ANSWER, True
    with pytest.raises(StorageFailure, match=r"committing a batch failed.*start it, or check its address"):
        save(storage, SET)
    # The connection that reads is open still.
    with pytest.raises(StorageFailure, match=r"loading .* failed.*cannot be reached"):
        state(storage)
    with pytest.raises(StorageFailure, match="cannot be reached"):
        save(storage, Writes())
    network.closed = False
    assert state(storage) == {"a": b"1"}
    save(storage, inserting(bare("inv_2")))


def test_a_server_that_still_holds_what_was_lost_is_told_and_asked_again(
    home: PostgresHome, network: Proxy, storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "LOCK_TIMEOUT", "20ms")
    network.fault = Fault.LOSE_REQUEST
    with home.holding():
        with pytest.raises(StorageFailure, match=r"committing a batch failed.*in the middle of a commit"):
            save(storage, SET)
        with pytest.raises(StorageFailure, match=r"loading .* failed.*in the middle of a commit"):
            state(storage)
    assert state(storage) == {}
    save(storage, SET)
    assert state(storage) == {"a": b"1"}


def test_a_node_that_was_succeeded_while_its_answer_was_lost_must_stop(
    home: PostgresHome, network: Proxy, storage: PostgresStorage
) -> None:
    network.fault, network.closed_after_fault = Fault.LOSE_REQUEST, True
    with pytest.raises(StorageFailure):
        save(storage, SET)
    successor = home.open()
    assert successor.acquire() == {0: 2}
    save(successor, Writes(state={("s", "k", "b"): b"2"}))
    network.closed = False
    with pytest.raises(StaleEpoch, match="has taken the partitions 0"):
        save(storage, SET)
    assert state(successor) == {"b": b"2"}
    successor.close()


def test_a_server_that_is_away_is_told_and_used_again_once_it_is_back(cluster: Cluster, home: PostgresHome) -> None:
    storage = home.open()
    storage.acquire()
    save(storage, inserting(bare("inv_1")))
    storage.stage(inserting(bare("inv_2")))
    cluster.stop()
    try:
        with pytest.raises(StorageFailure, match=r"committing a batch failed.*start it, or check its address"):
            storage.commit()
        with pytest.raises(StorageFailure, match=r"scanning running invocations failed.*cannot be reached"):
            storage.active([0], "", 9)
        with pytest.raises(StorageFailure, match=r"opening the storage failed.*cannot be reached"):
            home.open()
    finally:
        cluster.start()
    assert storage.active([0], "", 9) == [bare("inv_1")]
    save(storage, inserting(bare("inv_2")))
    assert [row.id for row in storage.active([0], "", 9)] == ["inv_1", "inv_2"]
    storage.close()


def test_a_server_that_was_restarted_in_between_costs_nothing(cluster: Cluster, home: PostgresHome) -> None:
    storage = home.open()
    storage.acquire()
    save(storage, inserting(bare("inv_1")))
    cluster.stop()
    cluster.start()
    save(storage, inserting(bare("inv_2")))
    assert [row.id for row in storage.active([0], "", 9)] == ["inv_1", "inv_2"]
    storage.close()
