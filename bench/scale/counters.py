"""What databases did, counted from outside: nothing of a node is changed or asked for it."""

import operator
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from bench.cpu import family

# Rows of these tables are about who owns what, not about calls.
_OWNERSHIP = ["writer", "node", "partition"]
_READ = """
    SELECT
        (SELECT coalesce(sum(batch), 0) FROM perdure.writer),
        (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
            WHERE schemaname = 'perdure' AND NOT relname = ANY(%s)),
        (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
        pg_current_wal_lsn() - '0/0'::pg_lsn,
        (SELECT wal_sync FROM pg_stat_wal),
        (SELECT wal_sync_time FROM pg_stat_wal),
        (SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE schemaname = 'perdure')
"""
# Where the shared index of SQLite's log counts transactions; see "WAL-Index Header" in SQLite's description of formats.
_CHANGES = struct.Struct("=8xI")


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted so far.

    Attributes:
        commits: Batches of all nodes.
        rows: That these have written. 0 where nobody counts them.
        transactions: All there were, those that only read among them.
        wal_bytes: Bytes of the log of a server.
        syncs: How often a server waited for its log to be on the disk; ``sync_s`` is how long altogether.
        stored_bytes: Size of our tables and their indexes.
    """

    commits: float = 0
    rows: float = 0
    transactions: float = 0
    wal_bytes: float = 0
    syncs: float = 0
    sync_s: float = 0
    stored_bytes: float = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(operator.add, astuple(self), astuple(other)))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*map(operator.sub, astuple(self), astuple(other)))


class Counters(Protocol):
    """The databases of a fleet."""

    def read(self) -> Counts:
        """All of them together."""


class PostgresCounters:
    """Servers, each with one database of ours.

    Commits are exact: each batch of a node writes its number. A session tells the server's statistics of rows at most
    once a second, and then with its next transaction: so let each node commit something a second after its last work.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        for url in urls:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET track_wal_io_timing = on")
                connection.execute("SELECT pg_reload_conf()")

    def read(self) -> Counts:
        return sum((self._read(url) for url in self._urls), Counts())

    def _read(self, url: str) -> Counts:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(_READ, (_OWNERSHIP,)).fetchone()
        if row is None:
            raise RuntimeError("a SELECT without FROM has a row")
        commits, rows, transactions, wal_bytes, syncs, sync_ms, stored_bytes = map(float, row)
        return Counts(commits, rows, transactions, wal_bytes, syncs, sync_ms / 1000, stored_bytes)


class SqliteCounters:
    """The files of a directory.

    SQLite counts the transactions of a file in the index of its log, which it shares by a file beside it. Nobody counts
    rows.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> Counts:
        indexes = self._directory.glob("*.db-shm")
        return Counts(commits=sum(_CHANGES.unpack_from(index.read_bytes())[0] for index in indexes))


def server_pid(url: str) -> int:
    """The process of a server that is the parent of all its others."""
    with psycopg.connect(url, autocommit=True) as connection:
        session = connection.info.backend_pid
        row = connection.execute("SHOW data_directory").fetchone()
        if row is None:
            raise RuntimeError("SHOW has a row")
        root = int((Path(row[0]) / "postmaster.pid").read_text().split()[0])
        if session not in family(root):
            raise RuntimeError(f"process {session} of {url} is not one of this machine")
    return root
