"""The views of rows in memory, made when somebody looks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.storage.memory.rows import Rows
from perdure_runtime.storage.rows import INVOCATION as COLUMNS
from perdure_runtime.storage.rows import invocation_row, promise_row, status_columns, timer_row
from perdure_runtime.storage.views import (
    IDEMPOTENCY,
    INBOX,
    INVOCATION,
    JOURNAL_ENTRY,
    MARK,
    OBJECT,
    OUTBOX,
    PARTITION,
    PROMISE,
    STATE,
    TIMER,
    Condition,
    View,
    ViewRow,
    fits,
)

_INVOCATION = [COLUMNS.index(column) for column in INVOCATION.columns]


def fitting(rows: Rows, view: View, conditions: Sequence[Condition]) -> list[ViewRow]:
    """All rows of a view that fit, in no order."""
    asked = [(view.place(condition.column), condition) for condition in conditions]
    return [row for row in _all(rows, view) if all(fits(condition, row[place]) for place, condition in asked)]


def tally(rows: Rows) -> list[tuple[str, str, str, int]]:
    """What ``Survey.tally`` says."""
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows.invocations.values():
        status, _, _, _, outcome_code, *_ = status_columns(row.status)
        ending = str(status) if status != "ended" else "failed" if outcome_code else "succeeded"
        found[row.target.service, row.target.handler, ending] += 1
    return [(*of, number) for of, number in sorted(found.items())]


def _all(rows: Rows, view: View) -> Iterable[ViewRow]:
    if view == INVOCATION:
        stored = (invocation_row(row) for row in rows.invocations.values())
        return (tuple(row[place] for place in _INVOCATION) for row in stored)
    if view == JOURNAL_ENTRY:
        return chain.from_iterable(
            ((id, position, Entry.FromString(raw).WhichOneof("entry"), raw) for position, raw in journal.items())
            for id, journal in rows.journals.items()
        )
    if view == STATE:
        return ((*of, name, value) for of, names in rows.state.items() for name, value in names.items())
    if view == OBJECT:
        return ((*of, row.holder, row.head, row.tail) for of, row in rows.objects.items())
    if view == INBOX:
        return ((*place, id) for place, id in rows.inbox.items())
    if view == TIMER:
        return (tuple(timer_row(timer)) for timer in rows.timers)
    if view == PROMISE:
        return (
            tuple(promise_row((*of, name), row)) for of, names in rows.promises.items() for name, row in names.items()
        )
    if view == IDEMPOTENCY:
        return (
            (name.target.service, name.target.handler, name.target.key, name.key, id)
            for name, id in rows.idempotency.items()
        )
    if view == OUTBOX:
        return ((*place, raw) for place, raw in rows.outbox.items())
    if view == MARK:
        return ((source, partition, position) for (partition, source), position in rows.marks.items())
    if view == PARTITION:
        return ((partition, rows.owners[partition], epoch) for partition, epoch in rows.epochs.items())
    raise ValueError(f"there is no view {view.name}")
