"""A batch as the statements that write it."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.partitions import Partitions
from perdure_runtime.storage.postgres import statements as sql
from perdure_runtime.storage.postgres.statements import Parameters, Statement
from perdure_runtime.storage.rows import Row, changing_row, invocation_row, promise_row, timer_row

# What is to be executed for which rows; no rows, no statement. Each row begins with its partition.
Change: TypeAlias = tuple[Statement, Sequence[Row]]


def statements_of(
    writes: Writes, partitions: Partitions, codec: PayloadCodec | None = None
) -> list[tuple[str, Parameters]]:
    """Everything that the database is to execute, in order; afterwards ``partitions`` knows which ones that touches.

    Raises OverflowError, UnicodeEncodeError, CodecFailure.
    """
    return [statement.of(rows, codec) for statement, rows in _changes(writes, partitions) if rows]


def _changes(writes: Writes, partitions: Partitions) -> Iterator[Change]:
    at = partitions.of_invocation
    yield from _of_invocations(writes, partitions)
    yield from _of_keys(writes, partitions)
    if writes.held or writes.channels or writes.outbox or writes.received:
        yield from _of_messages(writes, partitions)
    if writes.marks:
        marks = writes.marks.items()
        yield sql.PUT_MARK, [(partitions.same(where), source, position) for (where, source), position in marks]
    yield sql.FORGET_JOURNAL, [(at(id), id) for id in writes.forgotten]
    purged = [(at(id), id) for id in writes.purged]
    for statement in sql.PURGE:
        yield statement, purged


def _of_invocations(writes: Writes, partitions: Partitions) -> Iterator[Change]:
    # Most batches touch two or three tables.
    at = partitions.of_invocation
    if writes.invocations:
        inserted, rows = writes.inserted, writes.invocations.items()
        yield sql.INSERT_INVOCATION, [(at(id), *invocation_row(row)) for id, row in rows if id in inserted]
        yield sql.UPDATE_INVOCATION, [(at(id), *changing_row(row)) for id, row in rows if id not in inserted]
    if writes.journal:
        yield (
            sql.INSERT_ENTRY,
            [
                (at(id), id, position, entry.WhichOneof("entry"), entry.SerializeToString())
                for (id, position), entry in writes.journal.items()
            ],
        )
    if writes.listeners:
        listeners = [
            ((at(of), of, by.invocation_id, by.command), waits) for (of, by), waits in writes.listeners.items()
        ]
        yield sql.PUT_LISTENER, [row for row, waits in listeners if waits]
        yield sql.DELETE_LISTENER, [row for row, waits in listeners if not waits]
    if writes.timers:
        timers = [((at(timer.invocation_id), *timer_row(timer)), on) for timer, on in writes.timers.items()]
        yield sql.PUT_TIMER, [row for row, on in timers if on]
        yield sql.DELETE_TIMER, [row for row, on in timers if not on]


def _of_keys(writes: Writes, partitions: Partitions) -> Iterator[Change]:
    at = partitions.of_key
    if writes.objects:
        objects = [((at(*key), *key), row) for key, row in writes.objects.items()]
        yield sql.PUT_OBJECT, [(*key, row.holder, row.head, row.tail) for key, row in objects if row is not None]
        yield sql.DELETE_OBJECT, [key for key, row in objects if row is None]
    if writes.inbox:
        inbox = [((at(*place[:2]), *place), id) for place, id in writes.inbox.items()]
        yield sql.PUT_INBOX, [(*place, id) for place, id in inbox if id is not None]
        yield sql.DELETE_INBOX, [place for place, id in inbox if id is None]
    if writes.state:
        state = [((at(*name[:2]), *name), value) for name, value in writes.state.items()]
        yield sql.PUT_STATE, [(*name, value) for name, value in state if value is not None]
        yield sql.DELETE_STATE, [name for name, value in state if value is None]
    if writes.idempotency:
        names = [
            ((partitions.of_name(name), name.target.service, name.target.handler, name.target.key, name.key), id)
            for name, id in writes.idempotency.items()
        ]
        yield sql.PUT_IDEMPOTENCY, [(*name, id) for name, id in names if id is not None]
        yield sql.DELETE_IDEMPOTENCY, [name for name, id in names if id is None]
    if writes.promises:
        promises = [(at(*name[:2]), name, row) for name, row in writes.promises.items()]
        yield sql.PUT_PROMISE, [(where, *promise_row(name, row)) for where, name, row in promises if row is not None]
        yield sql.DELETE_PROMISE, [(where, *name) for where, name, row in promises if row is None]


def _of_messages(writes: Writes, partitions: Partitions) -> Iterator[Change]:
    at, here = partitions.of_invocation, partitions.same
    held = [((at(id), id, command), outcome) for (id, command), outcome in writes.held.items()]
    yield sql.PUT_HELD, [(*of, outcome.SerializeToString()) for of, outcome in held if outcome is not None]
    yield sql.DELETE_HELD, [of for of, outcome in held if outcome is None]
    channels = writes.channels.items()
    yield sql.PUT_CHANNEL, [(here(source), to, row.sent, row.acknowledged) for (source, to), row in channels]
    outbox = [((here(source), to, seq), message) for (source, to, seq), message in writes.outbox.items()]
    yield sql.PUT_OUTBOX, [(*of, message.SerializeToString()) for of, message in outbox if message is not None]
    yield sql.DELETE_OUTBOX, [of for of, message in outbox if message is None]
    yield sql.PUT_RECEIVED, [(here(to), source, seq) for (source, to), seq in writes.received.items()]
