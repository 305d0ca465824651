"""Where a storage under test lives: what outlives it, and what can go wrong there."""

import resource
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.api import Database
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.memory import MemoryStorage, Rows
from perdure_runtime.storage.postgres import PostgresStorage
from perdure_runtime.storage.sqlite import SqliteStorage
from psycopg.rows import TupleRow

TIMEOUT_S = 20.0


class Home(Protocol):
    """A place for the rows of some partitions."""

    @property
    def address(self) -> str:
        """The file or the URL, for other processes."""

    def open(self) -> Database:
        """A new storage over what is durable here."""

    def lose_lock(self) -> None:
        """Lets another storage open while one is: what a network disk or a deleted file may do to a lock."""

    def failing(self) -> AbstractContextManager[None]:
        """While entered, commits fail."""


class SqliteHome:
    def __init__(self, directory: Path, partitions: int = 1, codec: PayloadCodec | None = None) -> None:
        self.path = directory / "perdure.db"
        self.address = str(self.path)
        self.placement = Placement(partitions)
        self.codec = codec

    def open(self) -> SqliteStorage:
        return SqliteStorage(self.path, self.placement, codec=self.codec)

    def lose_lock(self) -> None:
        self.path.with_name("perdure.db.lock").unlink()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """A real failure of write(2): no file of this process may grow beyond the size that the log has now."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.path.with_name("perdure.db-wal").stat().st_size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class MemoryHome:
    address = "memory"

    def __init__(self, partitions: int = 1) -> None:
        self.rows = Rows(Placement(partitions))
        self.storage: MemoryStorage | None = None

    def open(self) -> MemoryStorage:
        self.storage = MemoryStorage(self.rows)
        return self.storage

    def lose_lock(self) -> None:
        self.rows.in_use = False

    @contextmanager
    def failing(self) -> Iterator[None]:
        assert self.storage is not None
        self.storage.fail_next_commit("the disk is full")
        yield


# A disk that is full when a transaction wants to be kept.
FULL_DISK = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left on device'; END
    $$;
    CREATE CONSTRAINT TRIGGER full_disk AFTER UPDATE ON perdure.writer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION full_disk()
"""
_numbers = count(1)


def make_database(server: str) -> str:
    """The URL of a new database; ``server`` is that of the one that every server has."""
    name = f"home_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"


def copy_database(template: str) -> str:
    """The URL of a copy of a database that nobody is connected to: faster than to make its tables."""
    server, _, name = template.rpartition("/")
    copied = f"home_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {copied} TEMPLATE {name}")
    return f"{server}/{copied}"


class PostgresHome:
    """A database of its own. Each storage that is opened there is another node's."""

    def __init__(self, url: str, partitions: int = 1, codec: PayloadCodec | None = None) -> None:
        self.address = url
        self.partitions = partitions
        self.codec = codec

    def open(self) -> PostgresStorage:
        return PostgresStorage(self.address, f"node_{next(_numbers)}", self.partitions, codec=self.codec)

    def lose_lock(self) -> None:
        """There is none: the epoch alone keeps others from writing."""

    @contextmanager
    def failing(self) -> Iterator[None]:
        """The server says at each COMMIT that its disk is full."""
        self.by_hand(FULL_DISK)
        try:
            yield
        finally:
            self.by_hand("DROP FUNCTION full_disk() CASCADE")

    @contextmanager
    def holding(self) -> Iterator[psycopg.Connection[TupleRow]]:
        """The rows of the writers are locked by somebody who takes his time."""
        with psycopg.connect(self.address) as connection:
            connection.execute("SELECT FROM perdure.writer FOR UPDATE")
            yield connection

    def wait_until_blocked(self, sessions: int) -> None:
        """Until so many sessions wait for a lock in the database."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        deadline = time.monotonic() + TIMEOUT_S
        while self.by_hand(query) != [(sessions,)]:
            assert time.monotonic() < deadline, f"there are no {sessions} sessions that wait after {TIMEOUT_S:g} s"

    def wait_until_held(self, node_id: str) -> None:
        """Until somebody has locked the row of this writer."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            deadline = time.monotonic() + TIMEOUT_S
            query = "SELECT FROM perdure.writer WHERE node = %s FOR UPDATE SKIP LOCKED"
            while connection.execute(query, (node_id,)).fetchall():
                assert time.monotonic() < deadline, f"nobody holds the row of {node_id} after {TIMEOUT_S:g} s"

    def by_hand(self, *statements: str) -> list[tuple[object, ...]]:
        """What an operator does with psql; gives what the last statement said."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
