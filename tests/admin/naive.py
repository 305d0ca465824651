"""A survey of rows in memory that looks at each of them: what real ones must agree with."""

from collections import Counter
from collections.abc import Sequence

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import Usage
from perdure_runtime.storage.views import INVOCATION, JOURNAL_ENTRY, Condition, Operator, Value, View, ViewRow


def row_of(view: View, **named: Value) -> ViewRow:
    """A row of a view; columns that are not named are NULL."""
    return tuple(named.get(column) for column in view.columns)


class NaiveSurvey:
    """Has the rows that it is given, by view. Implements ``storage.api.Survey``."""

    def __init__(self, rows: dict[str, list[ViewRow]] | None = None) -> None:
        self.rows = {} if rows is None else rows

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """Nothing is asked for by deployment."""
        raise NotImplementedError

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Nothing is asked for by service."""
        raise NotImplementedError

    def usage(self, service: str) -> Usage:
        """Nobody counts."""
        raise NotImplementedError

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation."""
        found = self.rows.get("journal_entry", [])
        place, content = JOURNAL_ENTRY.place("invocation_id"), JOURNAL_ENTRY.place("entry")
        entries: list[Entry] = []
        for row in sorted(found, key=JOURNAL_ENTRY.key_of):
            value = row[content]
            if row[place] == invocation_id and isinstance(value, bytes):
                entries.append(Entry.FromString(value))
        return entries

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        """Rows that fit, in order."""
        fitting = sorted(self._fitting(view, conditions), key=view.key_of, reverse=descending)
        if after is not None:
            passed = [view.key_of(row) < after if descending else view.key_of(row) > after for row in fitting]
            fitting = [row for row, is_beyond in zip(fitting, passed, strict=True) if is_beyond]
        return fitting[:limit]

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        """How many fit."""
        return min(limit, len(self._fitting(view, conditions)))

    def tally(self) -> list[tuple[str, str, str, int]]:
        """Invocations by handler and status."""
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.rows.get("invocation", []):
            named = dict(zip(INVOCATION.columns, row, strict=True))
            status = str(named["status"])
            if status == "ended":
                status = "failed" if named["outcome_code"] else "succeeded"
            found[str(named["service"]), str(named["handler"]), status] += 1
        return [(*names, count) for names, count in found.items()]

    def _fitting(self, view: View, conditions: Sequence[Condition]) -> list[ViewRow]:
        return [row for row in self.rows.get(view.name, []) if all(_fits(view, row, each) for each in conditions)]


def _fits(view: View, row: ViewRow, condition: Condition) -> bool:
    value = row[view.place(condition.column)]
    return value is not None and any(_compares(value, condition.operator, other) for other in condition.values)


def _compares(value: Value, operator: Operator, other: str | int | bytes) -> bool:
    match value, other:
        case (str(), str()):
            return _compares_text(value, operator, other)
        case (int(), int()):
            return _compares_numbers(value, operator, other)
        case _:
            raise AssertionError(f"{value!r} is compared with {other!r}")


def _compares_text(value: str, operator: Operator, other: str) -> bool:
    if operator is Operator.CONTAINS:
        return other in value
    if operator is Operator.BEGINS:
        return value.startswith(other)
    # As databases sort: by the bytes of UTF-8.
    return _compares_numbers((value.encode() > other.encode()) - (value.encode() < other.encode()), operator, 0)


def _compares_numbers(value: int, operator: Operator, other: int) -> bool:
    match operator:
        case Operator.EQUAL:
            return value == other
        case Operator.NOT_EQUAL:
            return value != other
        case Operator.BELOW:
            return value < other
        case Operator.AT_MOST:
            return value <= other
        case Operator.ABOVE:
            return value > other
        case Operator.AT_LEAST:
            return value >= other
        case _:
            raise AssertionError(f"{operator} is not for numbers")
