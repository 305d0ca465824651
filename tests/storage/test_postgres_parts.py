"""What part of a cluster a database is, and how a database of version 1 becomes one with all that is in it."""

import psycopg
import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition.rows import Channel, Ended, Invocation, Target
from perdure_runtime.partition.view import ChannelDocument, InvocationDocument, JournalDocument, StateDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageForeign
from perdure_runtime.storage.cluster import Holding
from perdure_runtime.storage.postgres import PostgresCluster, PostgresStorage
from perdure_runtime.storage.postgres.migrations import MIGRATIONS

from tests.storage.homes import PostgresHome
from tests.storage.samples import bare, entries, save

OWNED_BY_VERSION_1 = 7


def write_version_1(database: PostgresHome) -> None:
    """What a node of version 1 left, which had one partition, and what another partition had beside it."""
    ended = Ended(Outcome(value=b"done"), 8, 90, 90)
    outcome = ended.outcome.SerializeToString()
    with psycopg.connect(database.address) as connection:
        connection.execute("CREATE SCHEMA perdure")
        connection.execute("CREATE TABLE perdure.perdure_schema (version integer NOT NULL)")
        connection.execute("INSERT INTO perdure.perdure_schema (version) VALUES (1)")
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO perdure.partition (partition, epoch, batch) VALUES (0, %s, 99)", (OWNED_BY_VERSION_1,)
        )
        common = (
            "0, %s, 'shop.v1.OrderService', 'Process', '', false, false, false, 86400000, 86400000, '', 0, 0, 0, ''"
        )
        columns = (
            "partition, id, service, handler, key, exclusive, once, explicit_cancellation, outcome_retention_ms,"
            " journal_retention_ms, idempotency_key, created_at_ms, attempt, failures, last_error, cancel, callees,"
            " deployment_id, status, input"
        )
        connection.execute(
            f"INSERT INTO perdure.invocation ({columns}) VALUES ({common}, 0, 0, '', 'running', '')", ("inv_1",)
        )
        connection.execute(
            f"INSERT INTO perdure.invocation ({columns}, outcome_code, outcome, ended_at_ms, outcome_until_ms,"
            f" journal_until_ms, retain_until_ms) VALUES ({common}, 0, 0, '', 'ended', '', 0, %s, 8, 90, 90, 90)",
            ("inv_2", outcome),
        )
        entry = entries(1)[0].SerializeToString()
        connection.execute("INSERT INTO perdure.journal_entry VALUES (0, 'inv_1', 0, 'run', %s)", (entry,))
        connection.execute("INSERT INTO perdure.state VALUES (0, 's', 'k', 'balance', '7')")
        for partition in (0, 5):
            row = (partition, f"dp_{partition}", "localhost:9080", "[]", 1, b"d")
            connection.execute("INSERT INTO perdure.deployment VALUES (%s, %s, %s, %s, %s, %s)", row)


def test_a_new_database_has_as_many_partitions_as_it_is_asked_for(database: PostgresHome) -> None:
    storage = PostgresStorage(database.address, "node", 8)
    assert storage.placement.partitions == 8
    assert storage.acquire() == dict.fromkeys(range(8), 1)
    storage.close()


def test_a_new_database_has_64_partitions_unless_somebody_says_otherwise(database: PostgresHome) -> None:
    storage = PostgresStorage(database.address, "node")
    assert list(storage.acquire()) == list(range(64))
    storage.close()


def test_who_names_no_number_gets_what_is_there(database: PostgresHome) -> None:
    PostgresStorage(database.address, "node", 8).close()
    storage = PostgresStorage(database.address, "other")
    assert storage.placement.partitions == 8
    storage.close()


def test_of_several_databases_each_has_its_part(database: PostgresHome) -> None:
    storage = PostgresStorage(database.address, "node", 8, databases=3, database=1)
    assert storage.placement.partitions == 8
    assert storage.acquire() == {1: 1, 4: 1, 7: 1}
    storage.close()


@pytest.mark.parametrize(("partitions", "databases", "number"), [(16, 2, 1), (8, 1, 0), (None, 2, 0), (None, 3, 1)])
def test_a_database_cannot_become_another_part(
    database: PostgresHome, partitions: int | None, databases: int, number: int
) -> None:
    PostgresStorage(database.address, "node", 8, databases=2, database=1).close()
    with pytest.raises(StorageForeign, match="was made as database 1 of 2 for 8 partitions, and cannot become"):
        PostgresStorage(database.address, "node", partitions, databases, number)
    PostgresStorage(database.address, "node", databases=2, database=1).close()


def test_a_database_of_version_1_comes_with_all_its_rows(database: PostgresHome) -> None:
    write_version_1(database)
    storage = PostgresStorage(database.address, "node")
    assert storage.placement.partitions == 1
    assert storage.acquire() == {0: OWNED_BY_VERSION_1 + 1}
    assert storage.load(InvocationDocument("inv_1")) == bare("inv_1")
    row = storage.load(InvocationDocument("inv_2"))
    assert isinstance(row, Invocation)
    assert row.status == Ended(Outcome(value=b"done"), 8, 90, 90)
    assert row.target == Target("shop.v1.OrderService", "Process", "")
    assert storage.load(JournalDocument("inv_1")) == entries(1)
    assert storage.load(StateDocument("s", "k")) == {"balance": b"7"}
    assert [row.id for row in storage.deployments()] == ["dp_0"]
    storage.close()


def test_a_migrated_database_takes_what_is_new(database: PostgresHome) -> None:
    write_version_1(database)
    storage = PostgresStorage(database.address, "node")
    storage.acquire()
    save(storage, Writes(channels={(0, 0): Channel(1, 0)}))
    assert storage.load(ChannelDocument(0, 0)) == Channel(1, 0)
    storage.close()


def test_the_partition_of_a_migrated_database_is_free(database: PostgresHome) -> None:
    write_version_1(database)
    storage = PostgresStorage(database.address, "node")
    cluster = PostgresCluster(database.address, "node", "node:1", 60.0)
    assert cluster.look().partitions == {0: Holding("", OWNED_BY_VERSION_1)}
    assert cluster.take(cluster.read().partitions) == {0: OWNED_BY_VERSION_1 + 1}
    cluster.close()
    storage.close()


def test_a_database_of_version_1_has_one_partition(database: PostgresHome) -> None:
    write_version_1(database)
    with pytest.raises(StorageForeign, match="was made as database 0 of 1 for 1 partitions, and cannot become"):
        PostgresStorage(database.address, "node", 64)
