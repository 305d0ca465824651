"""Writing a batch: the epoch's check, then one statement a table and sort of change."""

import sqlite3
from collections.abc import Mapping, Sequence

from perdure_runtime.partition.rows import Ended, Invocation
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.rows import (
    CHANGING,
    INVOCATION,
    Row,
    changing_row,
    invocation_row,
    promise_row,
    timer_row,
)

# Above this, an input goes into a row of its own unless its invocation has ended: see schema.long_input.
LONG_INPUT_BYTES = 512

_INSERT_INVOCATION = f"INSERT INTO invocation ({', '.join(INVOCATION)}) VALUES ({', '.join('?' * len(INVOCATION))})"
_UPDATE_INVOCATION = f"UPDATE invocation SET {', '.join(f'{column} = ?' for column in CHANGING)} WHERE id = ?"
_INSERT_LONG_INPUT = "INSERT INTO long_input (invocation_id, input) VALUES (?, ?)"
_INSERT_ENTRY = "INSERT INTO journal_entry (invocation_id, position, kind, entry) VALUES (?, ?, ?, ?)"
_PUT_LISTENER = "INSERT OR IGNORE INTO listener (invocation_id, caller_id, caller_command) VALUES (?, ?, ?)"
_DELETE_LISTENER = "DELETE FROM listener WHERE invocation_id = ? AND caller_id = ? AND caller_command = ?"
_PUT_OBJECT = "INSERT OR REPLACE INTO object (service, key, holder, head, tail) VALUES (?, ?, ?, ?, ?)"
_DELETE_OBJECT = "DELETE FROM object WHERE service = ? AND key = ?"
_PUT_INBOX = "INSERT OR REPLACE INTO inbox (service, key, seq, invocation_id) VALUES (?, ?, ?, ?)"
_DELETE_INBOX = "DELETE FROM inbox WHERE service = ? AND key = ? AND seq = ?"
_PUT_STATE = "INSERT OR REPLACE INTO state (service, key, name, value) VALUES (?, ?, ?, ?)"
_DELETE_STATE = "DELETE FROM state WHERE service = ? AND key = ? AND name = ?"
_PUT_IDEMPOTENCY = """
    INSERT OR REPLACE INTO idempotency (service, handler, key, idempotency_key, invocation_id) VALUES (?, ?, ?, ?, ?)
"""
_DELETE_IDEMPOTENCY = """
    DELETE FROM idempotency WHERE service = ? AND handler = ? AND key = ? AND idempotency_key = ?
"""
_PUT_TIMER = "INSERT OR IGNORE INTO timer (due_ms, invocation_id, purpose, number) VALUES (?, ?, ?, ?)"
_DELETE_TIMER = "DELETE FROM timer WHERE due_ms = ? AND invocation_id = ? AND purpose = ? AND number = ?"
_PURGE = (
    "DELETE FROM invocation WHERE id = ?",
    "DELETE FROM long_input WHERE invocation_id = ?",
    "DELETE FROM journal_entry WHERE invocation_id = ?",
    "DELETE FROM listener WHERE invocation_id = ?",
    "DELETE FROM held_result WHERE invocation_id = ?",
)
_FORGET_JOURNAL = "DELETE FROM journal_entry WHERE invocation_id = ?"
_PUT_PROMISE = "INSERT OR REPLACE INTO promise (service, key, name, result, waiting) VALUES (?, ?, ?, ?, ?)"
_DELETE_PROMISE = "DELETE FROM promise WHERE service = ? AND key = ? AND name = ?"
_PUT_HELD = "INSERT OR REPLACE INTO held_result (invocation_id, command, outcome) VALUES (?, ?, ?)"
_DELETE_HELD = "DELETE FROM held_result WHERE invocation_id = ? AND command = ?"
_PUT_CHANNEL = "INSERT OR REPLACE INTO channel (source, destination, sent, acknowledged) VALUES (?, ?, ?, ?)"
_PUT_OUTBOX = "INSERT OR REPLACE INTO outbox (source, destination, seq, message) VALUES (?, ?, ?, ?)"
_DELETE_OUTBOX = "DELETE FROM outbox WHERE source = ? AND destination = ? AND seq = ?"
_PUT_RECEIVED = "INSERT OR REPLACE INTO received (source, destination, seq) VALUES (?, ?, ?)"


def check_epochs(connection: sqlite3.Connection, epochs: Mapping[int, int]) -> None:
    """Raises StaleEpoch. Within a transaction that writes, where the epoch of the file cannot change any more."""
    (stored,) = connection.execute("SELECT epoch FROM partition WHERE id = 0").fetchone()
    lost = [partition for partition, epoch in epochs.items() if epoch != stored]
    if lost:
        raise StaleEpoch(lost)


def raise_epoch(connection: sqlite3.Connection) -> int:
    """A new epoch, durable. Raises sqlite3.Error."""
    rows = connection.execute("UPDATE partition SET epoch = epoch + 1 WHERE id = 0 RETURNING epoch").fetchall()
    return int(rows[0][0])


def write(connection: sqlite3.Connection, writes: Writes) -> None:
    """Writes a batch into the transaction that is open. Raises StorageFailure, sqlite3.Error."""
    # Most batches touch two or three tables.
    if writes.invocations:
        _write_invocations(connection, writes)
    if writes.journal:
        connection.executemany(
            _INSERT_ENTRY,
            [
                (id, position, entry.WhichOneof("entry"), entry.SerializeToString())
                for (id, position), entry in writes.journal.items()
            ],
        )
    if writes.listeners:
        rows = [((of, caller.invocation_id, caller.command), waits) for (of, caller), waits in writes.listeners.items()]
        _put_or_delete(connection, rows, _PUT_LISTENER, _DELETE_LISTENER)
    if writes.objects:
        _put(
            connection,
            _PUT_OBJECT,
            [(*k, o.holder, o.head, o.tail) for k, o in writes.objects.items() if o is not None],
        )
        _put(connection, _DELETE_OBJECT, [k for k, o in writes.objects.items() if o is None])
    if writes.inbox:
        _put(connection, _PUT_INBOX, [(*place, id) for place, id in writes.inbox.items() if id is not None])
        _put(connection, _DELETE_INBOX, [place for place, id in writes.inbox.items() if id is None])
    if writes.state:
        _put(connection, _PUT_STATE, [(*name, value) for name, value in writes.state.items() if value is not None])
        _put(connection, _DELETE_STATE, [name for name, value in writes.state.items() if value is None])
    if writes.idempotency:
        _write_idempotency(connection, writes)
    if writes.timers:
        _put_or_delete(
            connection, [(timer_row(timer), on) for timer, on in writes.timers.items()], _PUT_TIMER, _DELETE_TIMER
        )
    if writes.promises:
        rows_of = [promise_row(place, row) for place, row in writes.promises.items() if row is not None]
        _put(connection, _PUT_PROMISE, rows_of)
        _put(connection, _DELETE_PROMISE, [place for place, row in writes.promises.items() if row is None])
    if writes.held or writes.channels or writes.outbox or writes.received:
        _write_messages(connection, writes)
    if writes.forgotten:
        connection.executemany(_FORGET_JOURNAL, [(id,) for id in writes.forgotten])
    if writes.purged:
        for statement in _PURGE:
            connection.executemany(statement, [(id,) for id in writes.purged])


def _write_invocations(connection: sqlite3.Connection, writes: Writes) -> None:
    inserted = writes.inserted
    new = [invocation for id, invocation in writes.invocations.items() if id in inserted]
    if new:
        connection.executemany(_INSERT_INVOCATION, [_new_row(invocation) for invocation in new])
        long = [(invocation.id, invocation.input) for invocation in new if _has_long_input(invocation)]
        _put(connection, _INSERT_LONG_INPUT, long)
    if len(new) < len(writes.invocations):
        changed = [changing_row(invocation) for id, invocation in writes.invocations.items() if id not in inserted]
        updated = connection.executemany(_UPDATE_INVOCATION, changed).rowcount
        if updated != len(changed):
            raise StorageFailure(
                f"{len(changed) - updated} of {len(changed)} changed invocations are not in the database: "
                "it contradicts the node's memory; please report this"
            )


def _new_row(invocation: Invocation) -> Row:
    row = invocation_row(invocation)
    return (*row[:-1], None) if _has_long_input(invocation) else row


def _has_long_input(invocation: Invocation) -> bool:
    return len(invocation.input) > LONG_INPUT_BYTES and not isinstance(invocation.status, Ended)


def _write_idempotency(connection: sqlite3.Connection, writes: Writes) -> None:
    rows = [
        ((name.target.service, name.target.handler, name.target.key, name.key), id)
        for name, id in writes.idempotency.items()
    ]
    _put(connection, _PUT_IDEMPOTENCY, [(*name, id) for name, id in rows if id is not None])
    _put(connection, _DELETE_IDEMPOTENCY, [name for name, id in rows if id is None])


def _write_messages(connection: sqlite3.Connection, writes: Writes) -> None:
    held, outbox = writes.held.items(), writes.outbox.items()
    _put(connection, _PUT_HELD, [(*at, outcome.SerializeToString()) for at, outcome in held if outcome is not None])
    _put(connection, _DELETE_HELD, [at for at, outcome in held if outcome is None])
    _put(connection, _PUT_CHANNEL, [(*way, row.sent, row.acknowledged) for way, row in writes.channels.items()])
    _put(connection, _PUT_OUTBOX, [(*at, sent.SerializeToString()) for at, sent in outbox if sent is not None])
    _put(connection, _DELETE_OUTBOX, [at for at, sent in outbox if sent is None])
    _put(connection, _PUT_RECEIVED, [(*way, seq) for way, seq in writes.received.items()])


def _put_or_delete(connection: sqlite3.Connection, rows: Sequence[tuple[Row, bool]], put: str, delete: str) -> None:
    _put(connection, put, [row for row, on in rows if on])
    _put(connection, delete, [row for row, on in rows if not on])


def _put(connection: sqlite3.Connection, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        connection.executemany(statement, rows)
