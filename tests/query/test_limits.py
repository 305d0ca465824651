"""What a query cannot do: write, reach anything but the views, or go on for ever."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from perdure_runtime.query.engine import Engine, Limits
from perdure_runtime.query.relations import RELATIONS

from tests.query.rows import Rows, invocation

MIB = 1024 * 1024
LIMITS = Limits(rows=100, time_s=20.0, result_bytes=100_000)
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine over a few invocations."""
    rows = Rows({"invocation": [invocation(f"inv_{number}") for number in range(3)]})
    engine = Engine(rows, rows, 32 * MIB)
    yield engine
    engine.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM invocation",
        "UPDATE invocation SET status = 'ended'",
        "INSERT INTO invocation (id) VALUES ('inv_9')",
        "REPLACE INTO invocation (id) VALUES ('inv_9')",
        "DROP TABLE invocation",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t AS SELECT * FROM invocation",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON invocation BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE t USING fts5(x)",
        "ATTACH '{file}' AS other",
        "DETACH main",
        "VACUUM INTO '{file}'",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA hard_heap_limit = 0",
        "PRAGMA journal_mode",
        "SELECT load_extension('{file}')",
        "SELECT writefile('{file}', 'x')",
        "SELECT readfile('/etc/hostname')",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM dbstat",
        "BEGIN",
        "SAVEPOINT s",
        "ANALYZE",
        "REINDEX",
        "ALTER TABLE invocation RENAME TO t",
        "WITH t AS (SELECT 1) INSERT INTO invocation (id) SELECT * FROM t",
        "EXPLAIN DELETE FROM invocation",
    ],
)
def test_nothing_but_reading_views_is_done(sql: str, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with pytest.raises(ValueError, match=r"."):
        engine.answer(sql.format(file=file), LIMITS)
    assert not file.exists()


def test_a_second_statement_is_not_begun(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^this is more than one statement; write one SELECT$"):
        engine.answer("SELECT 1; SELECT 2", LIMITS)


@pytest.mark.parametrize("sql", ["", ";", "-- nothing"])
def test_what_is_no_statement_is_said_to_be_none(sql: str, engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^only SELECT is answered here, over the views: invocation, "):
        engine.answer(sql, LIMITS)


def test_an_unknown_view_is_answered_with_those_that_there_are(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^no such table: orders; there are invocation, journal_entry, state, "):
        engine.answer("SELECT * FROM orders", LIMITS)


def test_an_endless_query_ends_at_its_time_limit(engine: Engine) -> None:
    with pytest.raises(TimeoutError, match=r"^the query took longer than 100 ms"):
        engine.answer(f"{ENDLESS} SELECT count(*) FROM n", Limits(rows=1, time_s=0.1, result_bytes=1_000))


def test_pages_of_storage_count_against_the_time(engine: Engine) -> None:
    now_s = iter(range(1_000))
    rows = Rows({"invocation": [invocation(f"inv_{number:04}") for number in range(1_000)]})
    slow = Engine(rows, rows, 32 * MIB, lambda: float(next(now_s)))
    with pytest.raises(TimeoutError):
        slow.answer("SELECT count(*) FROM invocation", Limits(rows=1, time_s=2.0, result_bytes=1_000))
    assert len(rows.asked) == 2


def test_rows_beyond_the_limit_are_left_out_and_said_to_be_there(engine: Engine) -> None:
    found = engine.answer(f"{ENDLESS} SELECT x FROM n", Limits(rows=2, time_s=20.0, result_bytes=1_000))
    assert (found.rows, found.truncated) == (("[1]", "[2]"), True)


def test_as_many_rows_as_the_limit_are_not_truncated(engine: Engine) -> None:
    found = engine.answer("SELECT id FROM invocation", Limits(rows=3, time_s=20.0, result_bytes=1_000))
    assert (len(found.rows), found.truncated) == (3, False)


def test_an_answer_that_is_too_large_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^the answer is larger than 1000 bytes; ask for fewer columns or rows$"):
        engine.answer("SELECT hex(zeroblob(1000))", Limits(rows=1, time_s=20.0, result_bytes=1_000))


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE n(x) AS (SELECT randomblob(1000000) UNION ALL SELECT randomblob(1000000) FROM n) "
        "SELECT x FROM n ORDER BY x",
        "SELECT hex(hex(zeroblob(16000000)))",
    ],
)
def test_memory_is_limited(sql: str, engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^(the query needs more memory than|a value is longer than) \d+ bytes"):
        engine.answer(sql, LIMITS)


@pytest.mark.parametrize(
    "sql", ["SELECT 1 FROM", "SELECT nosuch FROM invocation", "SELECT json('{')", "SELECT abs('a', 1)"]
)
def test_the_engine_answers_after_an_error(sql: str, engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"."):
        engine.answer(sql, LIMITS)
    assert engine.answer("SELECT count(*) FROM invocation", LIMITS).rows == ("[3]",)


def test_values_that_json_lacks_become_text(engine: Engine) -> None:
    (row,) = engine.answer("SELECT x'00ff', 9e999, NULL, 1.5, 'ä'", LIMITS).rows
    assert json.loads(row) == ["00ff", "inf", None, 1.5, "ä"]


@pytest.mark.parametrize("view", list(RELATIONS))
def test_each_view_can_be_read_whole(view: str, engine: Engine) -> None:
    columns = engine.answer(f"SELECT * FROM {view}", LIMITS).columns
    assert columns == tuple(column.name for column in RELATIONS[view].columns)
