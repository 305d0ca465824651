"""Files that an older perdure has written come to the newest version, with all that is in them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition.rows import (
    SHARED,
    Caller,
    Cancel,
    Ended,
    Invocation,
    Mode,
    PromiseRow,
    Running,
    Suspended,
    Target,
)
from perdure_runtime.partition.view import InvocationDocument, JournalDocument, PromisesDocument, StateDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.sqlite import SqliteStorage, schema

from tests.storage.samples import changing, entries, save

ALICE = Target("shop.v1.UserAccount", "UpdateBalance", "alice")
RUNNING = Invocation("inv_1", ALICE, Mode(exclusive=True), b"in", (("x", "1"),), "k", None, 5, Running(), attempt=2)
WAITING = Invocation("inv_2", ALICE, SHARED, b"", (), "", Caller("inv_1", 0), 6, Suspended((0,)), attempt=1)
ENDED = Invocation("inv_3", ALICE, SHARED, b"", (), "", None, 7, Ended(Outcome(value=b"done"), 8, 90, 90), attempt=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perdure.db"


@contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    """The file without perdure."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def write_version_1(path: Path) -> None:
    """A file as version 1 left it: a row of each sort that has changed since, and some that have not."""
    common = ("service", "handler", "key", "exclusive", "idempotency_key", "created_at_ms", "headers", "caller_id")
    columns = ("id", *common, "caller_command", "attempt", "failures", "last_error", "status", "input")
    of_ended = ("outcome_code", "outcome", "ended_at_ms", "retain_until_ms")
    alice = ("shop.v1.UserAccount", "UpdateBalance", "alice")
    with by_hand(path) as connection:
        connection.execute("CREATE TABLE perdure_schema (version INTEGER NOT NULL) STRICT")
        connection.execute("INSERT INTO perdure_schema (version) VALUES (1)")
        for statement in schema.MIGRATIONS[0]:
            connection.execute(statement)

        def insert(names: tuple[str, ...], *values: object) -> None:
            marks = ", ".join("?" * len(names))
            connection.execute(f"INSERT INTO invocation ({', '.join(names)}) VALUES ({marks})", values)

        insert(columns, "inv_1", *alice, 1, "k", 5, '[["x", "1"]]', None, None, 2, 0, "", "running", b"in")
        insert((*columns, "awaiting"), "inv_2", *alice, 0, "", 6, None, "inv_1", 0, 1, 0, "", "suspended", b"", "[0]")
        outcome = Outcome(value=b"done").SerializeToString()
        over = (0, outcome, 8, 90)
        insert((*columns, *of_ended), "inv_3", *alice, 0, "", 7, None, None, None, 1, 0, "", "ended", b"", *over)
        connection.execute("INSERT INTO state VALUES (?, ?, ?, ?)", ("shop.v1.UserAccount", "alice", "balance", b"7"))
        entry = entries(1)[0]
        connection.execute("INSERT INTO journal_entry VALUES ('inv_1', 0, 'run', ?)", (entry.SerializeToString(),))


def test_a_file_of_version_1_comes_with_all_its_rows(path: Path) -> None:
    write_version_1(path)
    storage = SqliteStorage(path)
    storage.acquire()
    rows = [storage.load(InvocationDocument(id)) for id in ("inv_1", "inv_2", "inv_3")]
    assert rows == [RUNNING, WAITING, ENDED]
    assert storage.load(JournalDocument("inv_1")) == entries(1)
    assert storage.load(StateDocument("shop.v1.UserAccount", "alice")) == {"balance": b"7"}
    assert storage.active([0], "", 9) == [RUNNING]
    assert (storage.expired(89, 9), storage.expired(90, 9)) == ([], ["inv_3"])
    storage.close()


def test_a_migrated_file_takes_what_is_new(path: Path) -> None:
    write_version_1(path)
    storage = SqliteStorage(path)
    storage.acquire()
    cancelled = replace(RUNNING, cancel=Cancel.CALLEES)
    promise = PromiseRow(waiting=(Caller("inv_2", 0),))
    writes = changing(cancelled)
    writes.promises["shop.v1.Signup", "ada", "email_verified"] = promise
    save(storage, writes)
    assert storage.load(InvocationDocument("inv_1")) == cancelled
    assert storage.load(PromisesDocument("shop.v1.Signup", "ada")) == {"email_verified": promise}
    storage.close()


def test_a_file_is_migrated_once(path: Path) -> None:
    write_version_1(path)
    for _ in range(2):
        SqliteStorage(path).close()
    with by_hand(path) as connection:
        assert connection.execute("SELECT version FROM perdure_schema").fetchall() == [(len(schema.MIGRATIONS),)]


def test_a_migration_that_fails_leaves_the_file_at_its_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_version_1(path)
    broken = (*schema.MIGRATIONS[:-1], (*schema.MIGRATIONS[-1], "CREATE TABLE state (twice TEXT)"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StorageFailure, match="table state already exists"):
            SqliteStorage(path)
    with by_hand(path) as connection:
        assert connection.execute("SELECT version FROM perdure_schema").fetchall() == [(1,)]
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'promise'").fetchall() == []
    storage = SqliteStorage(path)
    storage.acquire()
    save(storage, Writes(state={("s", "k", "a"): b"1"}))
    storage.close()
