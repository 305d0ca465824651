"""Writing a batch: the epoch's check, then one statement a table and sort of change."""

import sqlite3
from collections.abc import Mapping, Sequence

from perdure_runtime.partition.rows import Ended, Invocation
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.codec import PayloadCodec, sealed
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
_PUT_MARK = "INSERT OR REPLACE INTO mark (partition, source, position) VALUES (?, ?, ?)"
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


def write(connection: sqlite3.Connection, writes: Writes, codec: PayloadCodec | None = None) -> None:
    """Writes a batch into the transaction that is open. Raises StorageFailure, sqlite3.Error, CodecFailure."""
    batch = _Batch(connection, codec)
    # Most batches touch two or three tables.
    if writes.invocations:
        _write_invocations(batch, writes)
    if writes.journal:
        batch.put(
            _INSERT_ENTRY,
            [
                (id, position, entry.WhichOneof("entry"), entry.SerializeToString())
                for (id, position), entry in writes.journal.items()
            ],
        )
    if writes.listeners:
        rows = [((of, caller.invocation_id, caller.command), waits) for (of, caller), waits in writes.listeners.items()]
        batch.put_or_delete(rows, _PUT_LISTENER, _DELETE_LISTENER)
    if writes.objects:
        batch.put(_PUT_OBJECT, [(*k, o.holder, o.head, o.tail) for k, o in writes.objects.items() if o is not None])
        batch.put(_DELETE_OBJECT, [k for k, o in writes.objects.items() if o is None])
    if writes.inbox:
        batch.put(_PUT_INBOX, [(*place, id) for place, id in writes.inbox.items() if id is not None])
        batch.put(_DELETE_INBOX, [place for place, id in writes.inbox.items() if id is None])
    if writes.state:
        batch.put(_PUT_STATE, [(*name, value) for name, value in writes.state.items() if value is not None])
        batch.put(_DELETE_STATE, [name for name, value in writes.state.items() if value is None])
    if writes.idempotency:
        _write_idempotency(batch, writes)
    if writes.timers:
        batch.put_or_delete([(timer_row(timer), on) for timer, on in writes.timers.items()], _PUT_TIMER, _DELETE_TIMER)
    if writes.promises:
        promises = writes.promises.items()
        batch.put(_PUT_PROMISE, [promise_row(place, row) for place, row in promises if row is not None])
        batch.put(_DELETE_PROMISE, [place for place, row in promises if row is None])
    if writes.held or writes.channels or writes.outbox or writes.received:
        _write_messages(batch, writes)
    if writes.marks:
        batch.put(_PUT_MARK, [(*at, position) for at, position in writes.marks.items()])
    if writes.forgotten:
        batch.put(_FORGET_JOURNAL, [(id,) for id in writes.forgotten])
    if writes.purged:
        for statement in _PURGE:
            batch.put(statement, [(id,) for id in writes.purged])


class _Batch:
    """What a batch executes."""

    def __init__(self, connection: sqlite3.Connection, codec: PayloadCodec | None) -> None:
        self._connection = connection
        self._codec = codec

    def put(self, statement: str, rows: Sequence[Row]) -> int:
        """Executes a statement for each of these rows; says how many it changed."""
        return self._connection.executemany(statement, sealed(self._codec, rows)).rowcount if rows else 0

    def put_or_delete(self, rows: Sequence[tuple[Row, bool]], put: str, delete: str) -> None:
        """Executes one statement for the rows that are on, the other for those that are off."""
        self.put(put, [row for row, on in rows if on])
        self.put(delete, [row for row, on in rows if not on])


def _write_invocations(batch: _Batch, writes: Writes) -> None:
    inserted = writes.inserted
    new = [invocation for id, invocation in writes.invocations.items() if id in inserted]
    if new:
        batch.put(_INSERT_INVOCATION, [_new_row(invocation) for invocation in new])
        batch.put(_INSERT_LONG_INPUT, [(row.id, row.input) for row in new if _has_long_input(row)])
    if len(new) < len(writes.invocations):
        changed = [changing_row(invocation) for id, invocation in writes.invocations.items() if id not in inserted]
        updated = batch.put(_UPDATE_INVOCATION, changed)
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


def _write_idempotency(batch: _Batch, writes: Writes) -> None:
    rows = [
        ((name.target.service, name.target.handler, name.target.key, name.key), id)
        for name, id in writes.idempotency.items()
    ]
    batch.put(_PUT_IDEMPOTENCY, [(*name, id) for name, id in rows if id is not None])
    batch.put(_DELETE_IDEMPOTENCY, [name for name, id in rows if id is None])


def _write_messages(batch: _Batch, writes: Writes) -> None:
    held, outbox = writes.held.items(), writes.outbox.items()
    batch.put(_PUT_HELD, [(*at, outcome.SerializeToString()) for at, outcome in held if outcome is not None])
    batch.put(_DELETE_HELD, [at for at, outcome in held if outcome is None])
    batch.put(_PUT_CHANNEL, [(*way, row.sent, row.acknowledged) for way, row in writes.channels.items()])
    batch.put(_PUT_OUTBOX, [(*at, sent.SerializeToString()) for at, sent in outbox if sent is not None])
    batch.put(_DELETE_OUTBOX, [at for at, sent in outbox if sent is None])
    batch.put(_PUT_RECEIVED, [(*way, seq) for way, seq in writes.received.items()])
