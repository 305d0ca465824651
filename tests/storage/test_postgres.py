"""What only PostgreSQL can get wrong: databases that are not ours, sharing one, takeovers, poolers, and long keys."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import psycopg
import pytest
from perdure_runtime.partition.rows import (
    Caller,
    IdempotencyKey,
    ObjectRow,
    Place,
    PromiseRow,
    Target,
    Timer,
    WakeDue,
)
from perdure_runtime.partition.view import (
    Document,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    ObjectDocument,
    PromisesDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, StaleEpoch, StorageFailure
from perdure_runtime.storage.postgres import PostgresStorage, ownership, reads
from perdure_runtime.storage.postgres.connection import Link
from perdure_runtime.storage.views import STATE, Condition, Operator, is_equal
from psycopg.rows import TupleRow

from tests.storage.homes import PostgresHome, copy_database, make_database
from tests.storage.samples import STATUSES, bare, changing, ended, entries, inserting, invocation, save

DEPLOYMENT = DeploymentRow("dp_1", "http://localhost:9081", ("shop.v1.OrderService",), b"d", 1)


@pytest.fixture
def home(template: str) -> PostgresHome:
    """A database of its own, with tables."""
    return PostgresHome(copy_database(template))


@pytest.fixture
def storage(home: PostgresHome) -> Iterator[PostgresStorage]:
    """An open storage that has its partition."""
    opened = home.open()
    opened.acquire()
    yield opened
    opened.close()


def everything() -> Writes:
    """A row of each sort."""
    writes = inserting(bare("inv_1"), ended("inv_2", 5))
    writes.journal["inv_1", 0] = entries(1)[0]
    writes.listeners["inv_1", Caller("inv_2", 0)] = True
    writes.objects["s", "k"] = ObjectRow("inv_1", 1, 2)
    writes.inbox["s", "k", 1] = "inv_2"
    writes.state["s", "k", "a"] = b"1"
    writes.idempotency[IdempotencyKey(Target("s", "H", "k"), "o-1")] = "inv_1"
    writes.promises["s", "k", "p"] = PromiseRow(waiting=(Caller("inv_1", 0),))
    writes.timers[Timer(5, "inv_1", WakeDue(0))] = True
    return writes


def contents(storage: PostgresStorage) -> list[object]:
    """All that ``everything`` writes."""
    documents: list[Document] = [
        *(kind("inv_1") for kind in (InvocationDocument, JournalDocument, ListenersDocument)),
        *(kind("s", "k") for kind in (ObjectDocument, StateDocument, PromisesDocument)),
        InboxDocument("s", "k", 1),
        IdempotencyDocument(IdempotencyKey(Target("s", "H", "k"), "o-1")),
    ]
    scans = (storage.active([0], "", 9), storage.timers(0, 9, None), storage.expired(9, 9), storage.deployments())
    return [content for content in (*map(storage.load, documents), *scans) if content]


def test_a_zombie_that_is_succeeded_in_the_middle_of_its_commit_keeps_nothing(
    home: PostgresHome, storage: PostgresStorage
) -> None:
    storage.stage(everything())
    with ThreadPoolExecutor(1) as thread:
        with home.holding() as successor:
            committing = thread.submit(storage.commit)
            home.wait_until_blocked(1)
            successor.execute("UPDATE perdure.partition SET epoch = epoch + 1")
        with pytest.raises(StaleEpoch, match="has taken the partitions 0"):
            committing.result()
    assert contents(storage) == []


def test_a_successor_waits_for_a_commit_under_way_and_sees_it(home: PostgresHome, storage: PostgresStorage) -> None:
    storage.stage(inserting(bare("inv_1")))
    successor = home.open()
    with ThreadPoolExecutor(2) as threads:
        with home.holding():
            committing = threads.submit(storage.commit)
            home.wait_until_blocked(1)
            taking = threads.submit(successor.acquire)
            home.wait_until_blocked(2)
        committing.result()
        assert taking.result() == {0: 2}
    assert successor.active([0], "", 9) == [bare("inv_1")]
    successor.close()


def test_a_predecessor_that_hangs_in_a_commit_is_told(home: PostgresHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "LOCK_TIMEOUT", "20ms")
    storage = home.open()
    storage.acquire()
    with (
        home.holding(),
        pytest.raises(StorageFailure, match=r"taking the partitions failed.*in the middle of a commit"),
    ):
        storage.acquire()
    assert storage.acquire() == {0: 2}
    storage.close()


def test_each_transaction_may_run_in_another_session(home: PostgresHome, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[int] = []
    connect = Link.connection

    def pooled(link: Link) -> psycopg.Connection[TupleRow]:
        """What a pooler does, seen from the server."""
        if link.is_open:
            connect(link).close()
        connection = connect(link)
        sessions.append(connection.info.backend_pid)
        return connection

    monkeypatch.setattr(Link, "connection", pooled)
    storage = home.open()
    storage.acquire()
    save(storage, everything())
    storage.add_deployment(DEPLOYMENT)
    assert len(contents(storage)) == 12
    assert all(one != other for one, other in pairwise(sessions))
    storage.close()


def test_a_session_is_left_as_it_was_found(home: PostgresHome, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[psycopg.Connection[TupleRow]] = []
    connect = psycopg.connect

    def remembered(*arguments: str, autocommit: bool, prepare_threshold: None) -> psycopg.Connection[TupleRow]:
        connection = connect(*arguments, autocommit=autocommit, prepare_threshold=prepare_threshold)
        connections.append(connection)
        return connection

    monkeypatch.setattr(psycopg, "connect", remembered)
    storage = home.open()
    storage.acquire()
    for n in range(9):
        save(storage, Writes(state={("s", "k", "a"): b"%d" % n}))
        assert storage.load(StateDocument("s", "k")) == {"a": b"%d" % n}
    storage.add_deployment(DEPLOYMENT)
    assert len(connections) == 3
    for connection in connections:
        left = {
            "a prepared statement": "SELECT name FROM pg_prepared_statements",
            "a cursor": "SELECT name FROM pg_cursors WHERE name <> ''",
            "a channel": "SELECT pg_listening_channels()",
            "a lock": "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
            "a setting": "SELECT name FROM pg_settings WHERE source = 'session'",
        }
        assert {what for what, query in left.items() if connection.execute(query).fetchall()} == set()
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    storage.close()


def test_commits_wait_for_the_disk_whatever_the_database_says(database: PostgresHome) -> None:
    database.by_hand(f"ALTER DATABASE {database.address.rpartition('/')[2]} SET synchronous_commit = off")
    storage = database.open()
    database.by_hand(
        "CREATE TABLE seen AS SELECT current_setting('synchronous_commit') AS setting",
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.seen SELECT current_setting('synchronous_commit'); RETURN NULL; END $$",
        "CREATE TRIGGER see AFTER UPDATE ON perdure.partition EXECUTE FUNCTION see()",
        "CREATE TRIGGER see AFTER UPDATE ON perdure.writer EXECUTE FUNCTION see()",
        "CREATE TRIGGER see AFTER INSERT ON perdure.deployment EXECUTE FUNCTION see()",
    )
    storage.acquire()
    save(storage, Writes(state={("s", "k", "a"): b"1"}))
    storage.add_deployment(DEPLOYMENT)
    assert database.by_hand("SELECT setting FROM seen") == [("off",), ("on",), ("on",), ("on",)]
    storage.close()


@pytest.mark.parametrize(
    "unfit",
    [
        Writes(state={("s", "\ud800", "a"): b"half a surrogate pair"}),
        Writes(timers={Timer(2**63, "inv_1", WakeDue(0)): True}),
    ],
)
def test_what_postgres_cannot_hold_fails_its_batch_alone(storage: PostgresStorage, unfit: Writes) -> None:
    unfit.merge(inserting(bare("inv_1")))
    with pytest.raises(StorageFailure, match="not what PostgreSQL can hold"):
        storage.stage(unfit)
    with pytest.raises(StorageFailure, match="not what PostgreSQL can hold"):
        storage.load(StateDocument("s", "\ud800"))
    save(storage, inserting(bare("inv_1")))
    assert storage.active([0], "", 9) == [bare("inv_1")]


def test_keys_of_any_length_are_told_apart(home: PostgresHome, storage: PostgresStorage) -> None:
    long = "ü" * 20_000
    first, second = long + "1", long + "2"
    save(storage, Writes(state={("s", first, "a"): b"1"}))
    # What stands in the table for a long key is a key that a caller may have too.
    query = "SELECT key FROM perdure.state"
    ((shown,),) = home.by_hand(query)
    assert isinstance(shown, str)
    keys = {first: b"1", second: b"2", shown: b"3", "\x00": b"4", "\x01\x01": b"5"}
    for key, value in keys.items():
        writes = Writes(state={("s", key, "a"): value}, objects={("s", key): ObjectRow(str(value), 0, 0)})
        writes.inbox["s", key, 0] = writes.idempotency[IdempotencyKey(Target("s", "H", key), key)] = str(value)
        writes.promises["s", key, "p"] = PromiseRow(waiting=(Caller(str(value), 0),))
        writes.merge(inserting(replace(bare(f"inv_{value!r}"), target=Target("s", "H", key), idempotency_key=key)))
        save(storage, writes)
    for key, value in keys.items():
        assert storage.load(StateDocument("s", key)) == {"a": value}
        assert storage.load(ObjectDocument("s", key)) == ObjectRow(str(value), 0, 0)
        assert storage.load(InboxDocument("s", key, 0)) == Place(0, str(value))
        assert storage.load(IdempotencyDocument(IdempotencyKey(Target("s", "H", key), key))) == str(value)
        assert storage.load(PromisesDocument("s", key)) == {"p": PromiseRow(waiting=(Caller(str(value), 0),))}
    assert {row.target.key for row in storage.active([0], "", 9)} == set(keys)
    save(storage, Writes(state={("s", second, "a"): None}))
    assert storage.load(StateDocument("s", first)) == {"a": b"1"}
    assert storage.load(StateDocument("s", second)) == {}


def test_rows_of_long_keys_are_found_by_them_and_by_what_is_shown(home: PostgresHome) -> None:
    storage = PostgresStorage(make_database(home.address), "node", 8)
    storage.acquire()
    keys = sorted(["a", *(letter * 40_000 for letter in "bcd"), "d" * 64 + "e"])
    save(storage, Writes(state={("s", key, "n"): key[:1].encode() for key in keys}))
    rows = storage.scan(STATE)
    assert [row[3] for row in rows] == [b"a", b"b", b"c", b"d", b"d"]
    for key, row in zip(keys, rows, strict=True):
        assert storage.scan(STATE, (is_equal("service", "s"), is_equal("key", key))) == [row]
        assert storage.scan(STATE, (is_equal("service", "s"), is_equal("key", str(row[1])))) == [row]
        after = storage.scan(STATE, (Condition("key", Operator.ABOVE, (str(row[1]),)),))
        assert after == storage.scan(STATE, (), STATE.key_of(row)) == rows[rows.index(row) + 1 :]
    storage.close()


def test_a_batch_may_have_many_rows(storage: PostgresStorage) -> None:
    rows = [bare(f"inv_{n:05}") for n in range(5_000)]
    writes = inserting(*rows)
    writes.journal = {(row.id, n): entry for row in rows for n, entry in enumerate(entries(2))}
    save(storage, writes)
    save(storage, changing(*(replace(row, attempt=7) for row in rows)))
    assert storage.active([0], "", 9_999) == [replace(row, attempt=7) for row in rows]
    save(storage, Writes(purged={row.id for row in rows}))
    assert storage.active([0], "", 9) == []


def test_operators_read_rows_in_the_words_of_the_product(home: PostgresHome, storage: PostgresStorage) -> None:
    new = inserting(*(replace(invocation(f"inv_{n}"), status=status) for n, status in enumerate(STATUSES)))
    new.journal = {("inv_0", position): entry for position, entry in enumerate(entries(2))}
    save(storage, new)
    assert home.by_hand("SELECT status, count(*), max(outcome_code) FROM perdure.invocation GROUP BY 1 ORDER BY 1") == [
        ("backing_off", 1, None),
        ("ended", 3, 9),
        ("paused", 1, None),
        ("queued", 1, None),
        ("running", 1, None),
        ("scheduled", 1, None),
        ("suspended", 2, None),
    ]
    columns = "service, handler, key, exclusive, attempt, last_error, headers::json -> 1 ->> 0, caller_id"
    assert home.by_hand(f"SELECT {columns} FROM perdure.invocation WHERE status = 'queued'") == [
        ("shop.v1.UserAccount", "UpdateBalance", "alice", True, 3, "ConnectError: refused", "x", "inv_caller")
    ]
    assert home.by_hand("SELECT kind FROM perdure.journal_entry ORDER BY position") == [
        ("run",),
        ("completion",),
    ]


@pytest.mark.parametrize(
    ("change", "document"),
    [
        ("perdure.invocation SET status = 'dreaming'", InvocationDocument("inv_1")),
        ("perdure.invocation SET headers = '{'", InvocationDocument("inv_1")),
        (r"perdure.journal_entry SET entry = '\xff'", JournalDocument("inv_1")),
    ],
)
def test_a_damaged_row_is_told(home: PostgresHome, storage: PostgresStorage, change: str, document: Document) -> None:
    save(storage, everything())
    home.by_hand(f"UPDATE {change}")
    with pytest.raises(StorageFailure, match=r"loading .*Document\(id='inv_1'\) failed .* a row is damaged"):
        storage.load(document)


PARTITIONS = "{0,1,2}"


@pytest.mark.parametrize(
    ("query", "parameters", "index"),
    [
        (reads.RUNNING, {"partitions": PARTITIONS, "after_id": "inv_", "limit": 10}, "invocation_running"),
        (reads.EXPIRED, {"partitions": PARTITIONS, "now_ms": 10_000, "limit": 10}, "invocation_retention"),
        (reads.IN_FLIGHT, {"deployment_id": "dp_1", "limit": 10}, "invocation_deployment"),
        (reads.TIMERS, {"partitions": PARTITIONS, "from_ms": 0, "before_ms": 10_000, "limit": 10}, "timer_pkey"),
        (reads.OUTBOX, {"partitions": PARTITIONS}, "outbox_pkey"),
        (reads.INBOUND, {"partitions": PARTITIONS, "limit": 10}, "outbox_destination"),
        (reads.JOURNAL, (0, "inv_1"), "journal_entry_pkey"),
    ],
)
def test_scans_walk_an_index_that_holds_only_their_rows(
    home: PostgresHome, query: str, parameters: dict[str, str | int] | tuple[str | int, ...], index: str
) -> None:
    with psycopg.connect(home.address) as connection:
        # Tables of a few rows are faster to read whole.
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_bitmapscan = off")
        plan = connection.execute(f"EXPLAIN {query}", parameters).fetchall()
    steps = [str(step) for (step,) in plan]
    scan = next(number for number, step in enumerate(steps) if f"using {index} on" in step)
    # What comes out of the index is in order: only the first rows of all partitions are sorted, behind their limits.
    assert not any("Sort" in step for step in steps[scan:])
    assert sum("Sort" in step and "Sort Key" not in step for step in steps[:scan]) <= 1
