"""What is asked of storage in place of SQLite: the answers stay those of SQLite."""

import json
import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perdure_runtime.query.engine import Answer, Engine, Limits
from perdure_runtime.query.relations import RELATIONS
from perdure_runtime.storage.views import Condition, Operator, ViewRow, is_equal

from tests.query.rows import Rows, invocation

LIMITS = Limits(rows=10_000, time_s=20.0, result_bytes=10_000_000)
MIB = 1024 * 1024
# Few values, so that they meet.
TEXTS = st.sampled_from(["", "a", "A", "b", "ab", "ä", "1", "10", "🦀"])
NUMBERS = st.sampled_from([-1, 0, 1, 2, 10, 2**53 + 1])


def answer(rows: Rows, sql: str) -> Answer:
    """The answer of the engine."""
    engine = Engine(rows, rows, 64 * MIB)
    try:
        return engine.answer(sql, LIMITS)
    finally:
        engine.close()


@st.composite
def invocations(draw: st.DrawFn) -> list[ViewRow]:
    """Some invocations."""
    ids = draw(st.lists(st.text("abc", max_size=3), unique=True, max_size=12))
    return [
        invocation(
            id,
            key=draw(TEXTS),
            created_at_ms=draw(NUMBERS),
            last_error=draw(st.none() | TEXTS),
            due_ms=draw(st.none() | NUMBERS),
            outcome_code=draw(st.sampled_from([None, 0, 1, 2, 5])),
        )
        for id in ids
    ]


LITERALS = st.one_of(
    TEXTS.map(lambda text: f"'{text}'"),
    NUMBERS.map(str),
    st.sampled_from(["NULL", "1.5", "-0.5", "1e300", "9e999", "'1.0'", "x'61'", "1.0"]),
)
COLUMNS = st.sampled_from(["id", "key", "created_at_ms", "last_error", "due_at_ms", "outcome"])


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """One condition."""
    column = draw(COLUMNS)
    match draw(st.integers(0, 5)):
        case 0:
            return f"{column} IN ({', '.join(draw(st.lists(LITERALS, max_size=4)))})"
        case 1:
            return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}{draw(LITERALS)}"
        case 2:
            return f"{column} {draw(st.sampled_from(['=', '<', '>=']))} {draw(LITERALS)} COLLATE NOCASE"
        case 3:
            return f"{column} BETWEEN {draw(LITERALS)} AND {draw(LITERALS)}"
        case _:
            return f"{column} {draw(st.sampled_from(['=', '!=', '<', '<=', '>', '>=']))} {draw(LITERALS)}"


@st.composite
def selects(draw: st.DrawFn) -> str:
    """A SELECT with all that is pushed down, whose rows come in one order."""
    joined = draw(st.lists(conditions(), max_size=3))
    where = f" WHERE {draw(st.sampled_from([' AND ', ' OR '])).join(joined)}" if joined else ""
    order = draw(st.sampled_from(["id", "id DESC", "key, id", "key DESC, id DESC", "created_at_ms DESC, id"]))
    limit = draw(st.sampled_from(["", " LIMIT 2", " LIMIT 0", " LIMIT 3 OFFSET 1", " LIMIT -1"]))
    what = draw(st.sampled_from(["id, outcome, created_at", "count(*)", "DISTINCT key, id", "*"]))
    return f"SELECT {what} FROM invocation{where} ORDER BY {order}{limit}"


@settings(max_examples=400, deadline=None)
@given(rows=invocations(), sql=selects())
def test_answers_are_those_of_sqlite_over_plain_tables(rows: list[ViewRow], sql: str) -> None:
    plain = sqlite3.connect(":memory:")
    columns = RELATIONS["invocation"].columns
    plain.execute(f"CREATE TABLE invocation ({', '.join(f'{column.name} {column.type}' for column in columns)})")
    # What the columns are is not what is tested here: the plain table has what a plain question gives.
    everything = [json.loads(row) for row in answer(Rows({"invocation": rows}), "SELECT * FROM invocation").rows]
    plain.executemany(f"INSERT INTO invocation VALUES ({', '.join('?' * len(columns))})", everything)
    expected = [list(row) for row in plain.execute(sql)]
    assert [json.loads(row) for row in answer(Rows({"invocation": rows}), sql).rows] == expected


MANY = [invocation(f"inv_{number:05}", created_at_ms=number) for number in range(5_000)]


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ("id = 'inv_00007'", is_equal("id", "inv_00007")),
        ("id IN ('inv_00007', 'inv_00009')", is_equal("id", "inv_00007", "inv_00009")),
        ("created_at_ms > 4999", Condition("created_at_ms", Operator.AT_LEAST, (4999,))),
        ("created_at_ms >= 4998.5", Condition("created_at_ms", Operator.AT_LEAST, (4998,))),
        ("outcome = 'failed'", Condition("outcome_code", Operator.ABOVE, (1,))),
    ],
)
def test_conditions_are_asked_of_storage(where: str, asked: Condition) -> None:
    rows = Rows({"invocation": MANY})
    answer(rows, f"SELECT id FROM invocation WHERE {where}")
    assert [conditions for _, conditions, _, _ in rows.asked] == [(asked,)]


def test_a_comparison_with_null_asks_for_nothing() -> None:
    rows = Rows({"invocation": MANY})
    assert answer(rows, "SELECT id FROM invocation WHERE id = NULL").rows == ()
    assert rows.asked == []


@pytest.mark.parametrize(("order", "descending", "first"), [("id", False, "inv_00000"), ("id DESC", True, "inv_04999")])
def test_the_order_of_the_key_costs_no_sorting_and_a_limit_no_second_page(
    order: str, descending: bool, first: str
) -> None:
    rows = Rows({"invocation": MANY})
    assert json.loads(answer(rows, f"SELECT id FROM invocation ORDER BY {order} LIMIT 3").rows[0]) == [first]
    assert rows.asked == [("invocation", (), 3, descending)]


def test_all_rows_are_read_in_pages_of_at_most_a_thousand() -> None:
    rows = Rows({"invocation": MANY})
    assert answer(rows, "SELECT count(*) FROM invocation").rows == ("[5000]",)
    assert [limit for _, _, limit, _ in rows.asked] == [20, 80, 320, 1_000, 1_000, 1_000, 1_000, 1_000]


def test_pages_of_large_payloads_stay_small() -> None:
    rows = Rows({"invocation": [invocation(f"inv_{number:05}", input=bytes(MIB)) for number in range(30)]})
    assert answer(rows, "SELECT count(*) FROM invocation").rows == ("[30]",)
    assert [limit for _, _, limit, _ in rows.asked] == [20, 7, 7]


def test_columns_are_decoded_only_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Rows) -> Iterator[None]:
        raise AssertionError("contracts were read")

    monkeypatch.setattr(Rows, "deployments", refuse)
    assert answer(Rows({"invocation": MANY}), "SELECT id, status FROM invocation LIMIT 1").rows
