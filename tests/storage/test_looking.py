"""How operators' reads go about it: by an index where there is one, and in nobody's way."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from perdure_runtime.partition import ids
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.postgres import PostgresRecords, PostgresStorage, PostgresSurvey
from perdure_runtime.storage.postgres import views as postgres_views
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.values import PARTITION as PARTITIONS
from perdure_runtime.storage.sqlite import SqliteStorage, SqliteSurvey
from perdure_runtime.storage.sqlite import views as sqlite_views
from perdure_runtime.storage.sqlite.readers import MOST_KEPT, Readers
from perdure_runtime.storage.views import (
    INVOCATION,
    JOURNAL_ENTRY,
    MARK,
    PARTITION,
    STATE,
    Condition,
    Operator,
    View,
    ViewRow,
    is_equal,
)

from tests.storage.homes import PostgresHome
from tests.storage.samples import bare, inserting, save

PLACEMENT = Placement(8)
ID = ids.mint(1, 2, 0xA000)
AWAKEABLES = (is_equal("kind", "awakeable"),)
OF_KEY = (is_equal("service", "s"), is_equal("key", "k"))
BEGINNING = (is_equal("service", "s"), Condition("key", Operator.BEGINS, ("k",)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perdure.db"


@pytest.mark.parametrize(
    ("view", "conditions", "after", "plan"),
    [
        (INVOCATION, (), None, "SCAN invocation"),
        (INVOCATION, (), (ID,), "SEARCH invocation USING PRIMARY KEY (id<?)"),
        (INVOCATION, (is_equal("id", ID),), None, "SEARCH invocation USING PRIMARY KEY (id=?)"),
        (JOURNAL_ENTRY, (is_equal("invocation_id", ID),), None, "SEARCH journal_entry USING PRIMARY KEY"),
        (JOURNAL_ENTRY, AWAKEABLES, None, "SCAN journal_entry USING INDEX journal_entry_awakeable"),
        (STATE, OF_KEY, None, "SEARCH state USING PRIMARY KEY (service=? AND key=?)"),
        (STATE, BEGINNING, None, "SEARCH state USING PRIMARY KEY (service=? AND key>? AND key<?)"),
        (STATE, (), ("s", "k", "n"), "SEARCH state USING PRIMARY KEY ((service,key,name)<(?,?,?))"),
    ],
)
def test_a_page_of_sqlite_comes_from_an_index_in_its_order(
    path: Path, view: View, conditions: tuple[Condition, ...], after: ViewRow | None, plan: str
) -> None:
    SqliteStorage(path).close()
    sql, parameters = sqlite_views.scan(view, conditions, after, 50, descending=True)
    with closing(sqlite3.connect(path)) as reader:
        steps = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert steps[0].startswith(plan), steps
    assert not [step for step in steps if "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("view", "conditions", "after", "index"),
    [
        (INVOCATION, (), None, "invocation_pkey"),
        (INVOCATION, (), (ID,), "invocation_pkey"),
        (INVOCATION, (is_equal("status", "running"),), None, "invocation_running"),
        (INVOCATION, (is_equal("id", ID),), None, "invocation_pkey"),
        (JOURNAL_ENTRY, AWAKEABLES, None, "journal_entry_awakeable"),
        (STATE, OF_KEY, None, "state_pkey"),
        (STATE, BEGINNING, None, "state_pkey"),
        (MARK, (), None, "mark_pkey"),
    ],
)
def test_a_page_of_postgres_comes_from_the_index_of_each_partition_in_its_order(
    database: PostgresHome, view: View, conditions: tuple[Condition, ...], after: ViewRow | None, index: str
) -> None:
    PostgresStorage(database.address, "node", PLACEMENT.partitions).close()
    sql, parameters = postgres_views.scan(view, conditions, after, 50, PLACEMENT, descending=True)
    steps = _explained(database, sql, parameters)
    scan = next(number for number, step in enumerate(steps) if f"using {index} on" in step)
    assert not any("Sort" in step for step in steps[scan:])


@pytest.mark.parametrize(
    ("view", "conditions", "partitions"),
    [
        (INVOCATION, (is_equal("id", ID),), {PLACEMENT.of_invocation(ID)}),
        (INVOCATION, OF_KEY, {PLACEMENT.of_key("s", "k")}),
        (JOURNAL_ENTRY, (is_equal("invocation_id", ID), *AWAKEABLES), {PLACEMENT.of_invocation(ID)}),
        (STATE, OF_KEY, {PLACEMENT.of_key("s", "k")}),
    ],
)
def test_what_names_its_partition_is_looked_for_there_alone(
    view: View, conditions: tuple[Condition, ...], partitions: set[int]
) -> None:
    _, parameters = postgres_views.scan(view, conditions, None, 50, PLACEMENT, descending=False)
    assert parameters[0] == PARTITIONS.array(sorted(partitions))


def _explained(database: PostgresHome, sql: str, parameters: Sequence[object]) -> list[str]:
    link = Link(Address(database.address))
    connection = link.connection()
    # Tables of a few rows are faster to read whole.
    connection.execute("SET enable_seqscan = off")
    connection.execute("SET enable_bitmapscan = off")
    connection.execute("SET enable_incremental_sort = off")
    steps = [str(step) for (step,) in connection.execute(f"EXPLAIN {sql}", parameters).fetchall()]
    link.close()
    return steps


def test_a_survey_of_a_file_reads_past_a_batch_that_is_staged(path: Path) -> None:
    with closing(SqliteStorage(path)) as storage:
        storage.acquire()
        save(storage, inserting(bare("inv_1")))
        storage.stage(inserting(bare("inv_2")))
        assert [row[0] for row in storage.scan(INVOCATION)] == ["inv_1"]
        storage.commit()
        assert [row[0] for row in storage.scan(INVOCATION)] == ["inv_1", "inv_2"]


def test_a_survey_keeps_nobody_from_emptying_the_log(path: Path) -> None:
    with closing(SqliteStorage(path)) as storage:
        storage.acquire()
        save(storage, inserting(bare("inv_1")))
        storage.scan(INVOCATION)
        with closing(sqlite3.connect(path)) as hand:
            assert hand.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall() == [(0, 0, 0)]


def test_a_survey_of_a_file_can_change_nothing(path: Path) -> None:
    with closing(SqliteStorage(path)) as storage:
        storage.acquire()
        save(storage, Writes(state={("s", "k", "n"): b"1"}))
    with Readers(path).one() as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM state")


def test_readers_are_used_again_and_only_some_are_kept(path: Path) -> None:
    SqliteStorage(path).close()
    readers = Readers(path)
    with readers.one() as first:
        pass
    with readers.one() as again, readers.one() as other:
        assert again is first
        assert other is not first
    many = [readers.one() for _ in range(MOST_KEPT + 1)]
    connections = [each.__enter__() for each in many]
    for each in many:
        each.__exit__(None, None, None)
    # The one that came last was one too many.
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[-1].execute("SELECT 1")
    readers.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        first.execute("SELECT 1")


def test_a_survey_sees_the_file_that_has_taken_the_place_of_another(path: Path, tmp_path: Path) -> None:
    survey = SqliteSurvey(path)
    for id in ("inv_1", "inv_2"):
        with closing(SqliteStorage(path)) as storage:
            storage.acquire()
            save(storage, inserting(bare(id)))
        assert [row[0] for row in survey.scan(INVOCATION)] == [id]
        path.rename(tmp_path / f"{id}.db")
    survey.close()


def test_a_survey_of_a_database_makes_nothing_there(database: PostgresHome) -> None:
    survey = PostgresSurvey(database.address)
    with pytest.raises(StorageFailure, match=r"has tables of version 0, .*: start its node first"):
        survey.scan(PARTITION)
    assert database.by_hand("SELECT count(*) FROM pg_namespace WHERE nspname = 'perdure'") == [(0,)]
    survey.close()


def test_a_survey_of_a_database_sees_it_without_being_a_node(database: PostgresHome) -> None:
    with closing(PostgresStorage(database.address, "node", 8)) as storage:
        storage.acquire()
        save(storage, inserting(bare(ID)))
        with closing(PostgresRecords(database.address)) as records:
            assert records.scan(INVOCATION) == storage.scan(INVOCATION) != []
            assert records.scan(PARTITION) == [(number, "node", 1) for number in range(8)]
            assert records.deployments() == []
        assert database.by_hand("SELECT node FROM perdure.writer") == [("node",)]
        with pytest.raises(StorageFailure, match="is closed"):
            records.tally()


def test_a_survey_that_met_an_error_goes_on(database: PostgresHome) -> None:
    with closing(PostgresStorage(database.address, "node", 1)) as storage:
        storage.acquire()
        save(storage, inserting(bare("inv_1")))
        with pytest.raises(StorageFailure, match="not what PostgreSQL can hold"):
            storage.scan(INVOCATION, (is_equal("id", "\ud800"),))
        database.by_hand("ALTER TABLE perdure.mark RENAME TO other")
        with pytest.raises(StorageFailure, match="scanning mark failed"):
            storage.scan(MARK)
        assert len(storage.scan(INVOCATION)) == 1


def test_a_survey_comes_back_after_its_connection_was_cut(database: PostgresHome) -> None:
    with closing(PostgresStorage(database.address, "node", 1)) as storage:
        assert len(storage.scan(PARTITION)) == 1
        with psycopg.connect(database.address) as hand:
            hand.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert len(storage.scan(PARTITION)) == 1
