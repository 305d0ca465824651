"""A relation as a virtual table of SQLite: what storage can be asked is asked there, the rest SQLite does.

Conditions that are pushed down may let more rows through than they should: SQLite compares all of them again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apsw

from perdure_runtime.query.decoding import Decoder
from perdure_runtime.query.relation import FIRST_PAGE, Relation
from perdure_runtime.storage.views import Condition, Operator, Value, ViewRow

OPERATORS: Mapping[int, Operator] = {
    apsw.SQLITE_INDEX_CONSTRAINT_EQ: Operator.EQUAL,
    apsw.SQLITE_INDEX_CONSTRAINT_LT: Operator.BELOW,
    apsw.SQLITE_INDEX_CONSTRAINT_LE: Operator.AT_MOST,
    apsw.SQLITE_INDEX_CONSTRAINT_GT: Operator.ABOVE,
    apsw.SQLITE_INDEX_CONSTRAINT_GE: Operator.AT_LEAST,
}
LIMIT = apsw.SQLITE_INDEX_CONSTRAINT_LIMIT
# It is taken as a condition on no column.
LIMIT_COLUMN = -1
# What SQLite is told about how many rows there are: only the proportions matter.
ALL_ROWS, SOME_ROWS, FEW_ROWS, ONE_ROW = 1_000_000, 100_000, 1_000, 1
# More values of one IN than a database takes at once.
MOST_VALUES = 500


class Module:
    """Makes the virtual tables; the decoder is that of the query that runs."""

    def __init__(self, relations: Mapping[str, Relation], decoder: "Current") -> None:
        self._relations = relations
        self._decoder = decoder

    def Connect(
        self, connection: apsw.Connection, modulename: str, databasename: str, tablename: str, *args: object
    ) -> "tuple[str, Table]":
        """A table as its schema, and what answers for it."""
        relation = self._relations[modulename]
        columns = ", ".join(f'"{column.name}" {column.type}' for column in relation.columns)
        key = ", ".join(f'"{name}"' for name in relation.key)
        # Without numbers for rows, their keys tell them apart.
        return f"CREATE TABLE x({columns}, PRIMARY KEY ({key})) WITHOUT ROWID", Table(relation, self._decoder)

    Create = Connect


class Current:
    """The decoder of the query that runs."""

    def __init__(self) -> None:
        self.decoder: Decoder | None = None


class Table:
    """One virtual table."""

    def __init__(self, relation: Relation, current: Current) -> None:
        self.relation = relation
        self.current = current

    def BestIndexObject(self, index: apsw.IndexInfo) -> bool:
        """Says which conditions it takes, and in which order rows then come."""
        taken: list[tuple[int, str]] = []
        has_limit = False
        for place in range(index.nConstraint):
            if not index.get_aConstraint_usable(place):
                continue
            operator = index.get_aConstraint_op(place)
            if operator == LIMIT:
                # How much is wanted, if all rows fit: good to know how large the first page should be.
                has_limit = True
            elif operator not in OPERATORS or not self._is_pushed(index, place):
                continue
            elif index.get_aConstraintUsage_in(place):
                # All values at once, not a run for each.
                index.set_aConstraintUsage_in(place, True)
            column = LIMIT_COLUMN if operator == LIMIT else index.get_aConstraint_iColumn(place)
            taken.append((column, OPERATORS.get(operator, Operator.EQUAL).name))
            index.set_aConstraintUsage_argvIndex(place, len(taken))
        descending = self._order(index)
        index.orderByConsumed = descending is not None
        index.idxStr = json.dumps({"taken": taken, "descending": bool(descending)})
        rows = self._estimate(
            {column for column, operator in taken if operator == Operator.EQUAL.name}, len(taken) - has_limit
        )
        index.estimatedRows = rows
        index.estimatedCost = float(rows)
        return True

    def Open(self) -> "Cursor":
        """A cursor over its rows."""
        return Cursor(self.relation, self.current)

    def Disconnect(self) -> None:
        """Nothing is held."""

    Destroy = Disconnect

    def _is_pushed(self, index: apsw.IndexInfo, place: int) -> bool:
        column = index.get_aConstraint_iColumn(place)
        # Storage compares text by its bytes, as SQLite does unless a query says otherwise.
        return column >= 0 and index.get_aConstraint_collation(place) == "BINARY"

    def _order(self, index: apsw.IndexInfo) -> bool | None:
        """Whether rows are wanted by falling keys; None where the order that is wanted is another one."""
        wanted = [index.get_aOrderBy_iColumn(place) for place in range(index.nOrderBy)]
        falling = {index.get_aOrderBy_desc(place) for place in range(index.nOrderBy)}
        if not wanted or len(falling) > 1 or not self.relation.is_sorted:
            return None
        return falling.pop() if tuple(wanted) == self.relation.key_places[: len(wanted)] else None

    def _estimate(self, equal: set[int], taken: int) -> int:
        if equal.issuperset(self.relation.key_places):
            return ONE_ROW
        return FEW_ROWS if equal - {LIMIT_COLUMN} else SOME_ROWS if taken else ALL_ROWS


class Cursor:
    """One run through a table."""

    def __init__(self, relation: Relation, current: Current) -> None:
        assert current.decoder is not None
        self._columns = relation.columns
        self._relation = relation
        self._decoder = current.decoder
        self._rows: Iterator[ViewRow] = iter(())
        self._row: ViewRow | None = None

    def Filter(self, number: int, plan: str, arguments: Sequence[Any]) -> None:
        """Begins to read what fits."""
        said = json.loads(plan)
        conditions: list[Condition] = []
        first_page = FIRST_PAGE
        for (column, name), value in zip(said["taken"], arguments, strict=True):
            if column == LIMIT_COLUMN:
                first_page = value if isinstance(value, int) and value >= 0 else FIRST_PAGE
                continue
            # NULL equals nothing, and is not above or below anything either.
            values = sorted(value, key=_place) if isinstance(value, set) else (value,)
            known = tuple(each for each in values if each is not None)
            if not known:
                self._rows = iter(())
                break
            condition = self._columns[column].push(Operator[name], known) if len(known) <= MOST_VALUES else None
            if condition is not None:
                conditions.append(condition)
        else:
            self._rows = self._relation.rows(
                self._decoder, conditions, descending=said["descending"], first_page=first_page
            )
        self.Next()

    def Eof(self) -> bool:
        """Whether all rows were read."""
        return self._row is None

    def Next(self) -> None:
        """Goes to the next row."""
        self._row = next(self._rows, None)

    def Column(self, number: int) -> Value:
        """The value of a column."""
        assert self._row is not None
        return self._columns[number].read(self._row, self._decoder)

    def Close(self) -> None:
        """Reads no further."""
        self._rows = iter(())


def _place(value: object) -> tuple[str, Any]:
    """Where a value comes in a list: the same question is asked in the same words."""
    return type(value).__name__, value
