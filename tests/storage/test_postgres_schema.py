"""Databases that are not ours, or of another version, and addresses that lead nowhere."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from perdure_runtime.storage.api import StorageFailure, StorageForeign
from perdure_runtime.storage.postgres import PostgresStorage, schema
from perdure_runtime.storage.postgres.migrations import MIGRATIONS

from examples.demo.processes import free_port
from examples.exactly_once_postgres.cluster import Cluster
from tests.storage.homes import PostgresHome
from tests.storage.samples import bare, inserting, save

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'perdure'"


def as_user(home: PostgresHome, name: str) -> str:
    """The address of a home for another user."""
    return home.address.replace("//postgres@", f"//{name}@")


def test_a_schema_of_another_program_is_refused_and_stays_as_it_is(database: PostgresHome) -> None:
    database.by_hand("CREATE SCHEMA perdure", "CREATE TABLE perdure.song (title text)")
    with pytest.raises(StorageForeign, match=r"the schema perdure of postgresql://127\.0\.0\.1:.*it has 'song'"):
        database.open()
    assert database.by_hand(TABLES) == [(1,)]


def test_tables_of_another_program_beside_ours_are_no_matter(database: PostgresHome) -> None:
    database.by_hand("CREATE TABLE invocation (name text)", "CREATE TABLE perdure_schema (name text)")
    storage = database.open()
    storage.acquire()
    save(storage, inserting(bare("inv_1")))
    storage.close()
    assert database.by_hand("SELECT count(*) FROM public.invocation") == [(0,)]


def test_tables_of_a_newer_perdure_are_refused(database: PostgresHome) -> None:
    database.open().close()
    database.by_hand("UPDATE perdure.perdure_schema SET version = 99")
    known = len(MIGRATIONS)
    with pytest.raises(StorageForeign, match=rf"tables of version 99.*versions 1 to {known}.*or a newer one"):
        database.open()


def test_tables_that_cannot_all_be_made_leave_the_database_as_it_was(
    database: PostgresHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        twice = "CREATE TABLE perdure.partition (twice text)"
        broken.setattr(schema, "MIGRATIONS", ((*MIGRATIONS[0], twice), *MIGRATIONS[1:]))
        with pytest.raises(StorageFailure, match="already exists"):
            database.open()
    assert database.by_hand("SELECT count(*) FROM pg_namespace WHERE nspname = 'perdure'") == [(0,)]
    database.open().close()


def test_older_tables_are_migrated_once_with_all_that_is_in_them(
    database: PostgresHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = database.open()
    storage.acquire()
    save(storage, inserting(bare("inv_1")))
    storage.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE perdure.later (name text)",)))
    for _ in range(2):
        storage = database.open()
        storage.acquire()
        assert storage.active([0], "", 9) == [bare("inv_1")]
        storage.close()
    assert database.by_hand("SELECT version FROM perdure.perdure_schema") == [(len(MIGRATIONS) + 1,)]


def test_nodes_that_start_together_make_the_tables_once(database: PostgresHome) -> None:
    with ThreadPoolExecutor(6) as threads:
        starting = [threads.submit(PostgresStorage, database.address, f"node_{n}") for n in range(6)]
        storages = [each.result() for each in starting]
    assert [storage.acquire()[0] for storage in storages] == [1, 2, 3, 4, 5, 6]
    for storage in storages:
        storage.close()


def test_a_user_who_may_make_no_schema_needs_one_of_his_own(database: PostgresHome) -> None:
    name = "settler"
    database.by_hand(f"CREATE USER {name}")
    with pytest.raises(StorageFailure, match="grant it CREATE on the database, or make it the owner of the schema"):
        PostgresStorage(as_user(database, name), "node")
    database.by_hand(f"CREATE SCHEMA perdure AUTHORIZATION {name}")
    storage = PostgresStorage(as_user(database, name), "node")
    storage.acquire()
    save(storage, inserting(bare("inv_1")))
    storage.close()


def test_a_database_that_holds_no_unicode_is_refused(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StorageFailure, match="holds text as LATIN1, perdure needs UTF8: make a database with"):
        PostgresStorage(f"{cluster.url.rpartition('/')[0]}/old", "node")


def test_a_database_that_is_not_there_is_named(cluster: Cluster) -> None:
    with pytest.raises(StorageFailure, match=r'database "nowhere" does not exist; .* check the database'):
        PostgresStorage(f"{cluster.url.rpartition('/')[0]}/nowhere", "node")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:s3cret@127.0.0.1:{port}/shop",
        "postgresql://ada:s3cret@127.0.0.1:many/shop",
        "postgresql://ada:s3cret@127.0.0.1:{port}/shop?colour=red",
        "host=127.0.0.1 port={port} password=s3cret dbname",
        "postgresql://ada:s3cret@[127.0.0.1/shop",
    ],
)
def test_no_error_tells_a_password(address: str) -> None:
    with pytest.raises(StorageFailure) as refused:
        PostgresStorage(address.format(port=free_port()), "node")
    told, cause = str(refused.value), refused.value.__cause__
    assert "s3cret" not in told + str(cause)
    assert "cannot be reached" in told or "write postgresql://USER@HOST:PORT/DATABASE" in told
