"""What operators can look at: the rows of a database as views, with the names and columns that all databases share.

A view says what its rows are and in which order they come; a ``Condition`` which of them. Each adapter answers from its
own tables. Payloads are bytes here: who shows them decodes them by the contracts. A database may hold them in another
form, so nothing can be asked of them there.
"""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import contains, eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

Value: TypeAlias = str | int | bytes | None
# The columns of a view, in its order.
ViewRow: TypeAlias = tuple[Value, ...]


class Sort(enum.Enum):
    """What a column holds, where it is not NULL."""

    TEXT = "text"
    NUMBER = "a number"
    PAYLOAD = "a payload"


# A column is of one sort in all views that have it; any other is text.
_NUMBERS = frozenset(
    (
        *("created_at_ms", "ended_at_ms", "due_ms", "attempt", "failures", "caller_command", "cancel", "outcome_code"),
        *("outcome_until_ms", "journal_until_ms", "position", "head", "tail", "seq", "number"),
        *("partition", "destination", "epoch"),
    )
)
_PAYLOADS = frozenset(("outcome", "input", "entry", "value", "result", "message"))


@dataclass(frozen=True, slots=True)
class View:
    """``key`` are the columns that tell its rows apart, and by which they are sorted: text by its code points."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def place(self, column: str) -> int:
        """Where a column stands in a row."""
        return self.columns.index(column)

    def key_of(self, row: ViewRow) -> ViewRow:
        """What tells a row apart."""
        return tuple(row[self.place(column)] for column in self.key)

    def sort_of(self, column: str) -> Sort:
        """What a column holds. Raises ValueError where there is no such column."""
        if column not in self.columns:
            raise ValueError(f"{self.name} has no column {column!r}, only {', '.join(self.columns)}")
        if column in _PAYLOADS:
            return Sort.PAYLOAD
        return Sort.NUMBER if column in _NUMBERS else Sort.TEXT


class Operator(enum.Enum):
    """How a column compares with a value. What is NULL fits none of them."""

    EQUAL = "="
    NOT_EQUAL = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    # Text that has the value somewhere in it, letter for letter.
    CONTAINS = "contains"
    # Text that begins with the value.
    BEGINS = "begins"


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows fit whose ``column`` compares so with one of ``values``, which are one or more; for NOT_EQUAL with all of
    them."""

    column: str
    operator: Operator
    values: tuple[str | int, ...]


def is_equal(column: str, *values: str | int) -> Condition:
    """The column is one of these values."""
    return Condition(column, Operator.EQUAL, values)


INVOCATION = View(
    "invocation",
    (
        *("id", "service", "handler", "key", "status", "created_at_ms", "ended_at_ms", "due_ms"),
        *("attempt", "failures", "last_error", "deployment_id", "idempotency_key", "caller_id", "caller_command"),
        # outcome_code is 0 for a value, else the gRPC status of the terminal error; outcome is a serialised
        # journal.Outcome. headers and awaiting are JSON. cancel is that of partition.rows.Cancel.
        *("cancel", "outcome_code", "outcome", "outcome_until_ms", "journal_until_ms", "headers", "awaiting", "input"),
    ),
    ("id",),
)
# entry is a serialised journal.Entry, kind the name of its field there.
JOURNAL_ENTRY = View("journal_entry", ("invocation_id", "position", "kind", "entry"), ("invocation_id", "position"))
STATE = View("state", ("service", "key", "name", "value"), ("service", "key", "name"))
OBJECT = View("object", ("service", "key", "holder", "head", "tail"), ("service", "key"))
INBOX = View("inbox", ("service", "key", "seq", "invocation_id"), ("service", "key", "seq"))
_TIMER = ("due_ms", "invocation_id", "purpose", "number")
TIMER = View("timer", _TIMER, _TIMER)
# result is a serialised journal.Outcome, waiting JSON: pairs of invocation and command.
PROMISE = View("promise", ("service", "key", "name", "result", "waiting"), ("service", "key", "name"))
IDEMPOTENCY = View(
    "idempotency",
    ("service", "handler", "key", "idempotency_key", "invocation_id"),
    ("service", "handler", "key", "idempotency_key"),
)
# Messages between partitions that have not been acknowledged; message is a serialised peer.Message.
OUTBOX = View("outbox", ("partition", "destination", "seq", "message"), ("partition", "destination", "seq"))
# How far each source has come, in each partition.
MARK = View("mark", ("source", "partition", "position"), ("source", "partition"))
# owner is empty where no node owns it, and where a file has one owner anyway.
PARTITION = View("partition", ("partition", "owner", "epoch"), ("partition",))

VIEWS = {
    view.name: view
    for view in (
        *(INVOCATION, JOURNAL_ENTRY, STATE, OBJECT, INBOX, TIMER, PROMISE, IDEMPOTENCY, OUTBOX, MARK, PARTITION),
    )
}


def check(view: View, conditions: Sequence[Condition], after: ViewRow | None = None) -> None:
    """Raises ValueError where conditions or a place cannot be meant for a view, saying what is wrong."""
    for condition in conditions:
        sort = view.sort_of(condition.column)
        where = f"a condition on {view.name}.{condition.column}"
        if sort is Sort.PAYLOAD:
            raise ValueError(f"{where}: payloads cannot be compared where they are stored; look at them one by one")
        if not condition.values:
            raise ValueError(f"{where} names no value to compare with")
        if not all(isinstance(value, str if sort is Sort.TEXT else int) for value in condition.values):
            raise ValueError(f"{where} compares {sort.value} with something else: {condition.values[0]!r}")
        if sort is Sort.NUMBER and condition.operator in (Operator.CONTAINS, Operator.BEGINS):
            raise ValueError(f"{where}: only text can be asked what it {condition.operator.value}")
    if after is not None and len(after) != len(view.key):
        raise ValueError(f"a place in {view.name} is {', '.join(view.key)}: {len(view.key)} values, not {len(after)}")


def fits(condition: Condition, value: Value) -> bool:
    """Whether the value of the condition's column fits it: what every database must do too."""
    if value is None:
        return False
    fitting = (_COMPARES[condition.operator](value, other) for other in condition.values)
    return all(fitting) if condition.operator is Operator.NOT_EQUAL else any(fitting)


# Both sides are of the column's sort: ``check`` has seen to it.
_COMPARES: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: eq,
    Operator.NOT_EQUAL: ne,
    Operator.BELOW: lt,
    Operator.AT_MOST: le,
    Operator.ABOVE: gt,
    Operator.AT_LEAST: ge,
    Operator.CONTAINS: contains,
    Operator.BEGINS: str.startswith,
}


def page(
    view: View, rows: Iterable[ViewRow], after: ViewRow | None, limit: int, *, descending: bool = False
) -> list[ViewRow]:
    """Of rows in any order the first that come after a place, in order of their key."""
    keyed: Iterable[tuple[Any, ViewRow]] = ((view.key_of(row), row) for row in rows)
    if after is not None:
        keyed = ((key, row) for key, row in keyed if (key < after if descending else key > after))
    # A key has no NULLs, and its columns are of one sort each: they compare.
    return [row for _, row in sorted(keyed, reverse=descending, key=lambda each: each[0])[:limit]]
