"""Views as SQL: conditions and pages in what SQLite and PostgreSQL have in common.

Names of columns come from the views alone; all that callers say goes as parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from perdure_runtime.storage.views import Condition, Operator, Sort, Value, View, ViewRow

# SQL, and its parameters in order.
Query: TypeAlias = tuple[str, list[Value]]

# The status of an invocation; of one that has ended, how.
ENDING = "CASE WHEN status <> 'ended' THEN status WHEN outcome_code = 0 THEN 'succeeded' ELSE 'failed' END"

# Surrogates are no characters: what comes before them is followed by what comes after.
_LAST_BEFORE, _FIRST_AFTER = "\ud7ff", "\ue000"
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database writes what the other one writes in another way."""

    # The place of a parameter.
    mark: str
    # The function that tells where in a text another one begins, 0 for nowhere.
    position: str
    # What makes a text sort by its code points.
    by_code_points: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a database has the rows of a view: what stands in FROM, and columns that are not just columns there."""

    table: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column of the view, as an expression."""
        return self.columns.get(name, name)

    def selected(self, view: View) -> str:
        """All columns of the view, under their names."""
        return ", ".join(f"{self.columns[name]} AS {name}" if name in self.columns else name for name in view.columns)


def ordered(view: View, descending: bool) -> str:
    """What stands in ORDER BY."""
    return ", ".join(f"{name} DESC" if descending else name for name in view.key)


def terms(view: View, source: Source, dialect: Dialect, conditions: Sequence[Condition]) -> Query:
    """What rows must fulfil that fit all conditions: what stands in WHERE."""
    sql, values = ["true"], list[Value]()
    for condition in conditions:
        term, compared = _term(view, source, dialect, condition)
        sql.append(term)
        values += compared
    return " AND ".join(sql), values


def beyond(view: View, source: Source, dialect: Dialect, after: ViewRow | None, descending: bool) -> Query:
    """What rows must fulfil that come after the one with this key."""
    if after is None:
        return "true", []
    columns = ", ".join(source.column(name) for name in view.key)
    marks = ", ".join(dialect.mark for _ in after)
    return f"({columns}) {'<' if descending else '>'} ({marks})", list(after)


def _term(view: View, source: Source, dialect: Dialect, condition: Condition) -> Query:
    column, mark, values = source.column(condition.column), dialect.mark, list[Value](condition.values)
    sorted_column = f"{column}{dialect.by_code_points}" if view.sort_of(condition.column) is Sort.TEXT else column
    match condition.operator:
        case Operator.EQUAL | Operator.NOT_EQUAL as operator:
            if len(values) == 1:
                # Of a list of one SQLite would not see that a partial index has all such rows.
                return f"{column} {operator.value} {mark}", values
            is_in = "IN" if operator is Operator.EQUAL else "NOT IN"
            return f"{column} {is_in} ({', '.join([mark] * len(values))})", values
        case Operator.CONTAINS:
            return _any(f"{dialect.position}({sorted_column}, {mark}) > 0", values), values
        case Operator.BEGINS:
            return _beginning(sorted_column, mark, [str(value) for value in condition.values])
        case Operator.BELOW | Operator.AT_MOST | Operator.ABOVE | Operator.AT_LEAST as operator:
            return _any(f"{sorted_column} {operator.value} {mark}", values), values
        case _:
            assert_never(condition.operator)


def _any(term: str, values: Sequence[Value]) -> str:
    return f"({' OR '.join([term] * len(values))})"


def _beginning(column: str, mark: str, prefixes: Sequence[str]) -> Query:
    """As spans, which an index can be asked for."""
    found, values = list[str](), list[Value]()
    for prefix in prefixes:
        end = _behind(prefix)
        found.append(f"{column} >= {mark}" if end is None else f"({column} >= {mark} AND {column} < {mark})")
        values += (prefix,) if end is None else (prefix, end)
    return f"({' OR '.join(found)})", values


def _behind(prefix: str) -> str | None:
    """The first text behind all that begin so; None where all texts behind do."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    last = stem[-1]
    return stem[:-1] + (_FIRST_AFTER if last == _LAST_BEFORE else chr(ord(last) + 1))
