"""The views of a database: where their rows are, and the queries for them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.partitions import partitions_asked
from perdure_runtime.storage.postgres.values import PARTITION as PARTITIONS
from perdure_runtime.storage.postgres.values import Array, StoredKey, is_shortened
from perdure_runtime.storage.selecting import ENDING, Dialect, Source, beyond, ordered, terms
from perdure_runtime.storage.views import (
    INVOCATION,
    MARK,
    OUTBOX,
    PARTITION,
    Condition,
    Operator,
    Value,
    View,
    ViewRow,
)

Parameter: TypeAlias = Value | Array

_POSTGRES = Dialect(mark="%s", position="strpos", by_code_points=' COLLATE "C"')
_ALL = "(SELECT partition FROM perdure.partition) AS wanted"
_THESE = "unnest(%s::integer[]) AS wanted (partition)"
# Views that show the partition.
_NUMBERED = (OUTBOX, MARK, PARTITION)
TALLY = f"""
    SELECT service, handler, {ENDING} COLLATE "C" AS ending, count(*)
    FROM perdure.invocation GROUP BY service, handler, ending ORDER BY service, handler, ending
"""
# What few invocations have.
_SELDOM = ("outcome_code", "last_error", "caller_id", "idempotency_key")
# What a caller may give any length, and is kept shortened.
_KEYS = ("key", "idempotency_key")


def scan(
    view: View,
    conditions: Sequence[Condition],
    after: ViewRow | None,
    limit: int,
    placement: Placement,
    *,
    descending: bool,
) -> tuple[str, list[Parameter]]:
    """The query of ``Survey.scan``: of each partition its first rows, by the order of an index, and of those the first.

    What names invocations or keys is looked for in their partitions alone. What is seldom would have to be looked for
    through the whole index of each partition: it is faster found by reading the table from end to end.
    """
    source, asked = _source_of(view), _asked(view, conditions, placement)
    fitting, values = terms(view, source, _POSTGRES, _as_stored(view, conditions))
    behind, place = beyond(view, source, _POSTGRES, _place_as_stored(view, after), descending)
    order = ordered(view, descending)
    columns, rest = source.selected(view), f"{fitting} AND {behind} ORDER BY {order} LIMIT %s"
    if asked is None and view == INVOCATION and _is_seldom(conditions):
        return f"SELECT {columns} FROM {source.table} WHERE {rest}", [*values, *place, limit]
    sql = f"""
        SELECT rows.* FROM {_ALL if asked is None else _THESE} CROSS JOIN LATERAL (
            SELECT {columns} FROM {source.table} WHERE held.partition = wanted.partition AND {rest}
        ) AS rows ORDER BY {order} LIMIT %s
    """
    return sql, [*_wanted(asked), *values, *place, limit, limit]


def count(view: View, conditions: Sequence[Condition], limit: int, placement: Placement) -> tuple[str, list[Parameter]]:
    """The query of ``Survey.count``."""
    source, asked = _source_of(view), _asked(view, conditions, placement)
    fitting, values = terms(view, source, _POSTGRES, _as_stored(view, conditions))
    there = "true" if asked is None else "held.partition = ANY(%s::integer[])"
    sql = f"SELECT count(*) FROM (SELECT FROM {source.table} WHERE {there} AND {fitting} LIMIT %s) AS counted"
    return sql, [*_wanted(asked), *values, limit]


def _asked(view: View, conditions: Sequence[Condition], placement: Placement) -> set[int] | None:
    # Of a shortened key nobody can say where it is.
    if any(is_shortened(str(value)) for each in conditions if each.column in _KEYS for value in each.values):
        return None
    return partitions_asked(view, conditions, placement)


def _is_seldom(conditions: Sequence[Condition]) -> bool:
    """Whether few of all invocations that are kept will fit: most have ended, and well."""
    return any(
        each.column in _SELDOM or (each.column == "status" and "ended" not in each.values) for each in conditions
    )


def _wanted(asked: Collection[int] | None) -> list[Parameter]:
    return [] if asked is None else [PARTITIONS.array(sorted(asked))]


def _source_of(view: View) -> Source:
    return Source(f"perdure.{view.name} AS held", {"partition": "held.partition"} if view in _NUMBERED else {})


def _as_stored(view: View, conditions: Sequence[Condition]) -> list[Condition]:
    literal = (Operator.CONTAINS, Operator.BEGINS)
    return [
        replace(condition, values=tuple(map(StoredKey, map(str, condition.values))))
        if _has_keys(view, condition.column) and condition.operator not in literal
        else condition
        for condition in conditions
    ]


def _place_as_stored(view: View, place: ViewRow | None) -> ViewRow | None:
    if place is None:
        return None
    pairs = zip(view.key, place, strict=True)
    return tuple(StoredKey(value) if _has_keys(view, column) else value for column, value in pairs)


def _has_keys(view: View, column: str) -> bool:
    return column in _KEYS and view is not INVOCATION
