"""A column of an SQL view: where its value comes from, and which conditions on it storage can answer."""

import datetime
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from perdure_runtime.query.decoding import Decoder
from perdure_runtime.storage.views import Condition, Operator, Value, View, ViewRow

SqlValue: TypeAlias = str | int | float | bytes | None
Read: TypeAlias = Callable[[ViewRow, Decoder], Value]
# What storage can be asked in place of a comparison: rows that it leaves out must fail the comparison too, but rows
# that it gives may: SQLite compares them again. None where it cannot be asked.
Push: TypeAlias = Callable[[Operator, tuple[SqlValue, ...]], Condition | None]

TEXT, INTEGER = "TEXT", "INTEGER"


def _not_pushed(operator: Operator, values: tuple[SqlValue, ...]) -> Condition | None:
    return None


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its type in SQL and what it means. ``read`` is called only where a query uses it."""

    name: str
    type: str
    meaning: str
    read: Read
    push: Push = _not_pushed
    # The column of storage that it is, where it is one.
    stored: str = ""


def text(view: View, stored: str, meaning: str, name: str = "") -> Column:
    """A text as storage has it."""
    place = view.place(stored)

    def push(operator: Operator, values: tuple[SqlValue, ...]) -> Condition | None:
        texts = tuple(value for value in values if isinstance(value, str))
        # SQLite would turn a number into text: it does so without us.
        return Condition(stored, operator, texts) if len(texts) == len(values) > 0 else None

    return Column(name or stored, TEXT, meaning, lambda row, _: row[place], push, stored)


def number(view: View, stored: str, meaning: str, name: str = "") -> Column:
    """A whole number as storage has it."""
    place = view.place(stored)

    def push(operator: Operator, values: tuple[SqlValue, ...]) -> Condition | None:
        bounds = tuple(_bound(operator, value) for value in values)
        known = tuple(bound for bound in bounds if bound is not None)
        return Condition(stored, _inclusive(operator), known) if len(known) == len(bounds) > 0 else None

    return Column(name or stored, INTEGER, meaning, lambda row, _: row[place], push, stored)


def time(view: View, stored: str, meaning: str, name: str = "") -> tuple[Column, Column]:
    """A time, as text for people and as a number for comparisons."""
    place, name = view.place(stored), name or stored.removesuffix("_ms")

    def iso(row: ViewRow, _: Decoder) -> Value:
        return iso_time(row[place])

    return (
        Column(name, TEXT, f"{meaning}: UTC, as 2026-01-31T12:00:00.000Z.", iso),
        number(view, stored, f"{meaning}: milliseconds since 1970.", f"{name}_ms"),
    )


def derived(name: str, type: str, meaning: str, read: Read, push: Push = _not_pushed) -> Column:
    """A column that storage has in another form."""
    return Column(name, type, meaning, read, push)


def iso_time(milliseconds: Value) -> str | None:
    """A time as people and SQLite's functions read it; None for what is none."""
    if not isinstance(milliseconds, int):
        return None
    try:
        at = datetime.datetime.fromtimestamp(milliseconds / 1_000, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        # Longer than calendars go.
        return None
    return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1_000:03}Z"


def _inclusive(operator: Operator) -> Operator:
    """Of fractions only the whole number beside them can be asked for, so it is let in too."""
    match operator:
        case Operator.ABOVE:
            return Operator.AT_LEAST
        case Operator.BELOW:
            return Operator.AT_MOST
        case _:
            return operator


# What a column of a database can hold.
_LEAST, _MOST = -(2**63), 2**63 - 1


def _bound(operator: Operator, value: SqlValue) -> int | None:
    """The whole number to compare with; None where there is none."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        match operator:
            case Operator.ABOVE | Operator.AT_LEAST:
                value = math.floor(value)
            case Operator.BELOW | Operator.AT_MOST:
                value = math.ceil(value)
            case _:
                return None
    return value if isinstance(value, int) and _LEAST <= value <= _MOST else None
