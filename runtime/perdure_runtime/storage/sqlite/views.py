"""The views of a file: where their rows are, and the queries for them."""

from collections.abc import Sequence

from perdure_runtime.storage.selecting import Dialect, Query, Source, beyond, ordered, terms
from perdure_runtime.storage.sqlite.reads import INPUT
from perdure_runtime.storage.views import INVOCATION, OUTBOX, PARTITION, Condition, View, ViewRow

_SQLITE = Dialect(mark="?", position="instr")
# All partitions of a file have the one epoch of whoever writes it.
_PARTITIONS = """(
    WITH RECURSIVE numbered (number) AS (
        SELECT file FROM cluster UNION ALL
        SELECT number + files FROM numbered, cluster WHERE number + files < partitions
    )
    SELECT number AS partition, '' AS owner, epoch FROM numbered, partition
)"""
_SOURCES = {
    INVOCATION: Source("invocation", {"input": INPUT}),
    OUTBOX: Source("outbox", {"partition": "source"}),
    PARTITION: Source(_PARTITIONS),
}


def scan(view: View, conditions: Sequence[Condition], after: ViewRow | None, limit: int, *, descending: bool) -> Query:
    """The query of ``Survey.scan``."""
    source = _source_of(view)
    fitting, values = terms(view, source, _SQLITE, conditions)
    behind, place = beyond(view, source, _SQLITE, after, descending)
    sql = (
        f"SELECT {source.selected(view)} FROM {source.table} WHERE {fitting} AND {behind} "
        f"ORDER BY {ordered(view, descending)} LIMIT ?"
    )
    return sql, [*values, *place, limit]


def count(view: View, conditions: Sequence[Condition], limit: int) -> Query:
    """The query of ``Survey.count``."""
    source = _source_of(view)
    fitting, values = terms(view, source, _SQLITE, conditions)
    return f"SELECT count(*) FROM (SELECT 1 FROM {source.table} WHERE {fitting} LIMIT ?)", [*values, limit]


def _source_of(view: View) -> Source:
    return _SOURCES.get(view) or Source(view.name)
