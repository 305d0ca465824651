"""Nodes behind a pooler that gives each transaction another session."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from perdure_runtime.partition import ids
from perdure_runtime.partition.view import StateDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, StaleEpoch
from perdure_runtime.storage.cluster import owned_by

from tests.storage.bouncer import SESSIONS, pooler_before
from tests.storage.cluster_homes import LEASE_S, PARTITIONS, PostgresClusterHome, closing_home
from tests.storage.homes import PostgresHome, make_database
from tests.storage.samples import bare, changing, inserting, save

ALL = range(PARTITIONS)
IDS = [ids.mint(1, 0, partition * (1 << 16) // PARTITIONS) for partition in ALL]


@pytest.fixture
def pooled(request: pytest.FixtureRequest) -> Iterator[str]:
    with pooler_before(make_database(request.getfixturevalue("cluster").url)) as url:
        yield url


@pytest.fixture
def home(pooled: str) -> Iterator[PostgresClusterHome]:
    home = PostgresClusterHome(PostgresHome(pooled, PARTITIONS))
    with closing_home(home):
        yield home


def test_what_a_statement_leaves_in_its_session_is_not_there_for_the_next(pooled: str) -> None:
    """The pooler is of the sort that we must get along with: with a statement prepared the next transaction fails."""
    with psycopg.connect(pooled, autocommit=True, prepare_threshold=0) as one:
        one.execute("SELECT 1")
        # It is the pooler's only session so far, and from here on in another one's transaction.
        with psycopg.connect(pooled) as other:
            other.execute("SELECT pg_backend_pid()")
            with pytest.raises(psycopg.errors.InvalidSqlStatementName):
                one.execute("SELECT 1")


def test_nodes_share_a_cluster_behind_a_pooler(home: PostgresClusterHome) -> None:
    ada, bob = home.join("ada"), home.join("bob")
    first, second = home.open("ada"), home.open("bob")
    first.own(ada.take(ada.look().partitions))
    save(first, inserting(*map(bare, IDS)))
    # More often than any statement would stay unprepared by default.
    for number in range(20):
        save(first, changing(*map(bare, IDS)))
        save(first, Writes(state={("s", "k", "a"): b"%d" % number}))
        assert first.load(StateDocument("s", "k")) == {"a": b"%d" % number}
        assert sorted(row.id for row in first.active(ALL, "", 9)) == IDS
        assert owned_by(bob.look(), "ada") == dict.fromkeys(ALL, 1)
    first.add_deployment(DeploymentRow("dp_1", "localhost:9080", ("s",), b"d", 1))
    assert [row.id for row in second.deployments()] == ["dp_1"]
    home.pass_time(LEASE_S + 1)
    second.own(bob.take(bob.look().partitions))
    with pytest.raises(StaleEpoch):
        save(first, changing(bare(IDS[0])))
    save(second, changing(*map(bare, IDS)))
    bob.leave()


def test_nothing_is_left_in_the_sessions_of_the_server(home: PostgresClusterHome, pooled: str) -> None:
    ada, storage = home.join("ada"), home.open("ada")
    storage.own(ada.take(ada.look().partitions))
    for _ in range(9):
        save(storage, Writes(state={("s", "k", "a"): b"1"}))
        storage.load(StateDocument("s", "k"))
        ada.look()
    left = """
        SELECT 'prepared ' || name FROM pg_prepared_statements
        UNION ALL SELECT 'channel ' || channel FROM pg_listening_channels() AS channel
        UNION ALL SELECT 'lock ' || locktype FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
        UNION ALL SELECT 'setting ' || name FROM pg_settings WHERE source = 'session'
            AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',
                'standard_conforming_strings')
    """
    # All sessions that the pooler has, each in a transaction at the same time.
    with ExitStack() as stack:
        seen = set()
        for _ in range(SESSIONS):
            connection = stack.enter_context(psycopg.connect(pooled, prepare_threshold=None))
            pid, *found = connection.execute(f"SELECT pg_backend_pid()::text UNION ALL ({left})").fetchall()
            assert found == []
            seen.add(pid)
    assert len(seen) == SESSIONS
