"""A batch as the statements that write it."""

import json
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow
from perdure_runtime.storage.postgres import statements as sql
from perdure_runtime.storage.postgres.statements import Parameters, Statement
from perdure_runtime.storage.rows import Row, changing_row, invocation_row, promise_row, timer_row

# What is to be executed for which rows; no rows, no statement.
Change: TypeAlias = tuple[Statement, Sequence[Row]]


def statements_of(writes: Writes, partition: int) -> list[tuple[str, Parameters]]:
    """Everything that the database is to execute, in order. Raises OverflowError, UnicodeEncodeError."""
    return [statement.of(partition, rows) for statement, rows in _changes(writes) if rows]


def adding(deployment: DeploymentRow, partition: int) -> tuple[str, Parameters]:
    """The statement that adds a deployment."""
    services = json.dumps(deployment.services)
    row = (deployment.id, deployment.address, services, deployment.descriptors, deployment.created_at_ms)
    return sql.INSERT_DEPLOYMENT.of(partition, [row])


def removing(deployment_id: str, partition: int) -> tuple[str, Parameters]:
    """The statement that removes a deployment."""
    return sql.DELETE_DEPLOYMENT.of(partition, [(deployment_id,)])


def _changes(writes: Writes) -> Iterator[Change]:
    # Most batches touch two or three tables.
    if writes.invocations:
        inserted, rows = writes.inserted, writes.invocations.items()
        yield sql.INSERT_INVOCATION, [invocation_row(row) for id, row in rows if id in inserted]
        yield sql.UPDATE_INVOCATION, [changing_row(row) for id, row in rows if id not in inserted]
    if writes.journal:
        yield (
            sql.INSERT_ENTRY,
            [
                (id, position, entry.WhichOneof("entry"), entry.SerializeToString())
                for (id, position), entry in writes.journal.items()
            ],
        )
    if writes.listeners:
        listeners = [((of, by.invocation_id, by.command), waits) for (of, by), waits in writes.listeners.items()]
        yield sql.PUT_LISTENER, [row for row, waits in listeners if waits]
        yield sql.DELETE_LISTENER, [row for row, waits in listeners if not waits]
    if writes.objects:
        yield sql.PUT_OBJECT, [(*k, o.holder, o.head, o.tail) for k, o in writes.objects.items() if o is not None]
        yield sql.DELETE_OBJECT, [k for k, o in writes.objects.items() if o is None]
    if writes.inbox:
        yield sql.PUT_INBOX, [(*place, id) for place, id in writes.inbox.items() if id is not None]
        yield sql.DELETE_INBOX, [place for place, id in writes.inbox.items() if id is None]
    if writes.state:
        yield sql.PUT_STATE, [(*name, value) for name, value in writes.state.items() if value is not None]
        yield sql.DELETE_STATE, [name for name, value in writes.state.items() if value is None]
    if writes.idempotency:
        names = [
            ((key.target.service, key.target.handler, key.target.key, key.key), id)
            for key, id in writes.idempotency.items()
        ]
        yield sql.PUT_IDEMPOTENCY, [(*name, id) for name, id in names if id is not None]
        yield sql.DELETE_IDEMPOTENCY, [name for name, id in names if id is None]
    if writes.timers:
        yield sql.PUT_TIMER, [timer_row(timer) for timer, on in writes.timers.items() if on]
        yield sql.DELETE_TIMER, [timer_row(timer) for timer, on in writes.timers.items() if not on]
    if writes.promises:
        yield sql.PUT_PROMISE, [promise_row(name, row) for name, row in writes.promises.items() if row is not None]
        yield sql.DELETE_PROMISE, [name for name, row in writes.promises.items() if row is None]
    yield sql.FORGET_JOURNAL, [(id,) for id in writes.forgotten]
    for statement in sql.PURGE:
        yield statement, [(id,) for id in writes.purged]
