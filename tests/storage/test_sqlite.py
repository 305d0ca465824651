"""What only SQLite can get wrong: files that are not ours, settings, the disk, and what operators read."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from perdure_runtime.partition.rows import LAST_MS, Queued, Running, Timer, WakeDue
from perdure_runtime.partition.view import Document, InvocationDocument, JournalDocument, StateDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, StorageFailure, StorageForeign, StorageInUse
from perdure_runtime.storage.sqlite import SqliteStorage, connection, reads, schema

from tests.storage.homes import SqliteHome
from tests.storage.samples import STATUSES, bare, changing, entries, inserting, invocation, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perdure.db"


def opened(path: Path) -> SqliteStorage:
    storage = SqliteStorage(path)
    storage.acquire()
    return storage


def by_hand(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """What an operator does with a tool of his own."""
    hand = sqlite3.connect(path, isolation_level=None)
    try:
        return [row for statement in statements for row in hand.execute(statement).fetchall()]
    finally:
        hand.close()


def test_the_database_of_another_program_is_refused_and_stays_as_it_is(path: Path) -> None:
    by_hand(path, "CREATE TABLE song (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(StorageForeign, match="the table 'song'"):
        SqliteStorage(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_perdure_is_refused(path: Path) -> None:
    SqliteStorage(path).close()
    by_hand(path, "UPDATE perdure_schema SET version = 99")
    known = len(schema.MIGRATIONS)
    with pytest.raises(StorageForeign, match=rf"tables of version 99.*versions 1 to {known}.*or a newer one"):
        SqliteStorage(path)


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(path: Path) -> None:
    path.write_text("a shopping list\n" * 100)
    with pytest.raises(StorageFailure, match="no SQLite database"):
        SqliteStorage(path)
    assert path.read_text() == "a shopping list\n" * 100


def test_a_directory_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(StorageFailure, match=r"missing/perdure\.db.*No such file"):
        SqliteStorage(path.parent / "missing" / "perdure.db")


def test_a_directory_in_the_place_of_the_file_is_refused_and_its_lock_let_go(path: Path) -> None:
    path.mkdir()
    for _ in range(2):
        with pytest.raises(StorageFailure, match="cannot be opened"):
            SqliteStorage(path)


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(StorageFailure, match=r"needs 3\.37\.0 or newer"):
        SqliteStorage(path)


def test_tables_that_cannot_all_be_made_leave_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(schema, "MIGRATIONS", ((*schema.MIGRATIONS[0], "CREATE TABLE partition (twice TEXT)"),))
        with pytest.raises(StorageFailure, match="already exists"):
            SqliteStorage(path)
    assert by_hand(path, "SELECT count(*) FROM sqlite_master") == [(0,)]
    opened(path).close()


def test_an_older_file_is_migrated_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = opened(path)
    save(storage, inserting(bare("inv_1")))
    storage.close()
    newer = (*schema.MIGRATIONS, ("CREATE TABLE later (name TEXT) STRICT",))
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    for _ in range(2):
        storage = opened(path)
        assert storage.active([0], "", 9) == [bare("inv_1")]
        storage.close()
    assert by_hand(path, "SELECT version FROM perdure_schema", "SELECT count(*) FROM later") == [(len(newer),), (0,)]


def test_a_link_leads_to_the_same_lock(path: Path) -> None:
    storage = SqliteStorage(path)
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(StorageInUse):
        SqliteStorage(link)
    storage.close()
    SqliteStorage(link).close()


def test_commits_wait_for_the_disk(path: Path) -> None:
    one = connection.connect(path)
    connection.configure(one)
    settings = {name: one.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    one.close()
    # 2 is FULL: acknowledged work survives the loss of power, not of the process only.
    assert settings == {"journal_mode": "wal", "synchronous": 2}


def test_the_log_is_emptied_while_work_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CHECKPOINT_PAGES", 64)
    storage = opened(path)
    for n in range(200):
        save(storage, Writes(state={("s", str(n), "a"): bytes(10_000)}))
        assert storage.load(StateDocument("s", str(n))) == {"a": bytes(10_000)}
    log = path.with_name("perdure.db-wal").stat().st_size
    storage.close()
    assert log < 2 * 64 * connection.PAGE_BYTES


@pytest.mark.parametrize(
    "unfit",
    [
        Writes(state={("s", "\ud800", "a"): b"half a surrogate pair"}),
        Writes(timers={Timer(2**63, "inv_1", WakeDue(0)): True}),
    ],
)
def test_what_sqlite_cannot_hold_fails_its_batch_alone(path: Path, unfit: Writes) -> None:
    storage = opened(path)
    unfit.merge(inserting(bare("inv_1")))
    with pytest.raises(StorageFailure, match="not what SQLite can hold"):
        storage.stage(unfit)
    assert storage.active([0], "", 9) == []
    with pytest.raises(StorageFailure, match="not what SQLite can hold"):
        storage.load(StateDocument("s", "\ud800"))
    save(storage, inserting(bare("inv_1")))
    storage.close()


def test_a_deployment_that_meets_a_full_disk_can_be_added_later(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    storage = opened(home.path)
    deployment = DeploymentRow("dp_1", "http://localhost:9081", ("shop.v1.OrderService",), bytes(100_000), 1)
    with home.failing(), pytest.raises(StorageFailure, match=r"adding a deployment failed.*disk"):
        storage.add_deployment(deployment)
    assert storage.deployments() == []
    storage.add_deployment(deployment)
    assert storage.deployments() == [deployment]
    storage.close()


def test_an_operator_who_holds_the_file_is_named_and_later_commits_succeed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_S", 0.001)
    storage = opened(path)
    hand = sqlite3.connect(path, isolation_level=None)
    hand.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFailure, match="another program holds the database for writing: close it"):
        storage.stage(inserting(bare("inv_1")))
    hand.close()
    save(storage, inserting(bare("inv_1")))
    storage.close()


def test_a_bug_while_rows_are_made_leaves_no_transaction_open(path: Path) -> None:
    storage = opened(path)
    nonsense = inserting(bare("inv_1"), replace(bare("inv_2"), target=None))  # type: ignore[arg-type]  # a bug
    with pytest.raises(AttributeError):
        storage.stage(nonsense)
    save(storage, inserting(bare("inv_1")))
    storage.close()


def test_operators_read_rows_in_the_words_of_the_product(path: Path) -> None:
    storage = opened(path)
    new = inserting(*(replace(invocation(f"inv_{n}"), status=status) for n, status in enumerate(STATUSES)))
    new.journal = {("inv_0", position): entry for position, entry in enumerate(entries(2))}
    save(storage, new)
    assert by_hand(
        path, "SELECT status, count(*), max(outcome_code) FROM invocation GROUP BY status ORDER BY status"
    ) == [
        ("backing_off", 1, None),
        ("ended", 3, 9),
        ("paused", 1, None),
        ("queued", 1, None),
        ("running", 1, None),
        ("scheduled", 1, None),
        ("suspended", 2, None),
    ]
    assert by_hand(
        path,
        "SELECT service, handler, key, attempt, last_error, headers, caller_id FROM invocation WHERE status = 'queued'",
    ) == [
        (
            "shop.v1.UserAccount",
            "UpdateBalance",
            "alice",
            3,
            "ConnectError: refused",
            '[["traceparent", "00-ab"], ["x", "ü\\n\'\\""]]',
            "inv_caller",
        )
    ]
    assert by_hand(path, "SELECT kind FROM journal_entry ORDER BY position") == [("run",), ("completion",)]
    storage.close()


@pytest.mark.parametrize(
    ("by_whom", "document"),
    [
        ("UPDATE invocation SET status = 'dreaming'", InvocationDocument("inv_1")),
        ("UPDATE invocation SET headers = '{'", InvocationDocument("inv_1")),
        ("UPDATE journal_entry SET entry = x'ff'", JournalDocument("inv_1")),
    ],
)
def test_a_damaged_row_is_told(path: Path, by_whom: str, document: Document) -> None:
    storage = opened(path)
    new = inserting(bare("inv_1"))
    new.journal["inv_1", 0] = entries(1)[0]
    save(storage, new)
    by_hand(path, by_whom)
    with pytest.raises(StorageFailure, match=r"loading .*Document\(id='inv_1'\) failed .* a row is damaged"):
        storage.load(document)
    storage.close()


def test_a_long_input_stays_out_of_rows_that_will_change(path: Path) -> None:
    storage = opened(path)
    running, over = invocation("inv_1", input=bytes(10_000)), replace(invocation("inv_2", STATUSES[-1]), input=bytes(9))
    save(storage, inserting(running, over, replace(over, id="inv_3", input=bytes(10_000))))
    lengths = "SELECT id, length(input) FROM invocation ORDER BY id"
    assert by_hand(path, lengths, "SELECT invocation_id, length(input) FROM long_input") == [
        ("inv_1", None),
        ("inv_2", 9),
        ("inv_3", 10_000),
        ("inv_1", 10_000),
    ]
    save(storage, changing(replace(running, status=Queued(1))))
    assert storage.load(InvocationDocument("inv_1")) == replace(running, status=Queued(1))
    save(storage, changing(replace(running, status=Running(), attempt=9)))
    assert storage.active([0], "", 9) == [replace(running, status=Running(), attempt=9)]
    storage.close()


@pytest.mark.parametrize(
    ("query", "parameters", "plan"),
    [
        (reads.RUNNING, ("", 10), "SEARCH invocation USING INDEX invocation_running (id>?)"),
        (reads.EXPIRED, (LAST_MS, 10), "SEARCH invocation USING COVERING INDEX invocation_retention"),
        (reads.TIMERS, (0, LAST_MS, 10), "SEARCH timer USING PRIMARY KEY (due_ms>? AND due_ms<?)"),
        (reads.JOURNAL, ("inv_1",), "SEARCH journal_entry USING PRIMARY KEY (invocation_id=?)"),
    ],
)
def test_scans_walk_an_index_that_holds_only_their_rows(
    path: Path, query: str, parameters: tuple[str | int, ...], plan: str
) -> None:
    SqliteStorage(path).close()
    reader = sqlite3.connect(path)
    steps = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {query}", parameters)]
    reader.close()
    assert steps[0].startswith(plan)
    assert not [step for step in steps if "TEMP B-TREE" in step or "SCAN" in step]
