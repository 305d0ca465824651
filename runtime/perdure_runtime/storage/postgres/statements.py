"""One statement a table and sort of change, for any number of rows: they travel as one array a column.

The partition is the first column of all of them, and comes with each row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perdure_runtime.storage.codec import PayloadCodec, sealed
from perdure_runtime.storage.postgres.values import BOOLEAN, BYTES, INTEGER, KEY, PARTITION, TEXT, Array, Kind
from perdure_runtime.storage.rows import CHANGING, INVOCATION, Row

Parameters: TypeAlias = dict[str, Array | bytes | int | float | str | bool]
Columns: TypeAlias = dict[str, Kind]


_PARTITION: Columns = {"partition": PARTITION}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, and the columns of the rows that it takes."""

    sql: str
    columns: Columns

    def of(self, rows: Sequence[Row], codec: PayloadCodec | None = None) -> tuple[str, Parameters]:
        """What is to be executed for these rows. Raises OverflowError, UnicodeEncodeError, CodecFailure."""
        values = zip(*sealed(codec, rows), strict=True)
        arrays = {name: kind.array(column) for (name, kind), column in zip(self.columns.items(), values, strict=True)}
        return self.sql, {"rows": len(rows), **arrays}


def rows_of(columns: Columns) -> str:
    """Arrays as a table ``rows``: what stands in a FROM."""
    arrays = ", ".join(f"%({name})s::{kind.sql}[]" for name, kind in columns.items())
    return f"unnest({arrays}) AS rows ({', '.join(columns)})"


def _insert(table: str, columns: Columns) -> Statement:
    columns = {**_PARTITION, **columns}
    sql = f"INSERT INTO perdure.{table} ({', '.join(columns)}) SELECT * FROM {rows_of(columns)}"
    return Statement(sql, columns)


def _put(table: str, key: Columns, rest: Columns) -> Statement:
    """Inserts rows, or replaces those that are there."""
    insert = _insert(table, {**key, **rest})
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    action = f"DO UPDATE SET {changes}" if rest else "DO NOTHING"
    return Statement(f"{insert.sql} ON CONFLICT (partition, {', '.join(key)}) {action}", insert.columns)


def _delete(table: str, key: Columns) -> Statement:
    """Deletes rows; those that are not there are no error."""
    columns = {**_PARTITION, **key}
    same = " AND ".join(f"held.{name} = rows.{name}" for name in columns)
    sql = f"DELETE FROM perdure.{table} AS held USING {rows_of(columns)} WHERE {same}"
    return Statement(sql, columns)


def _update_invocations(columns: Columns) -> Statement:
    """Changes rows that must all be there."""
    columns = {**_PARTITION, **columns}
    changes = ", ".join(f"{name} = rows.{name}" for name in CHANGING)
    sql = f"""
        WITH changed AS (
            UPDATE perdure.invocation AS held SET {changes} FROM {rows_of(columns)}
            WHERE held.partition = rows.partition AND held.id = rows.id RETURNING held.id
        )
        SELECT perdure.require(
            count(*) = %(rows)s,
            format('%%s of %%s changed invocations are not in the database', %(rows)s - count(*), %(rows)s)
        ) FROM changed
    """
    return Statement(sql, columns)


_KINDS: Columns = {
    **dict.fromkeys(("id", "service", "handler", "key", "idempotency_key", "headers", "caller_id"), TEXT),
    **dict.fromkeys(("last_error", "deployment_id", "status", "awaiting"), TEXT),
    **dict.fromkeys(("exclusive", "once", "explicit_cancellation"), BOOLEAN),
    **dict.fromkeys(("created_at_ms", "caller_command", "attempt", "failures", "cancel", "callees"), INTEGER),
    **dict.fromkeys(("due_ms", "inbox_seq", "outcome_code", "ended_at_ms"), INTEGER),
    **dict.fromkeys(("outcome_until_ms", "journal_until_ms", "retain_until_ms"), INTEGER),
    **dict.fromkeys(("outcome_retention_ms", "journal_retention_ms"), INTEGER),
    **dict.fromkeys(("outcome", "input"), BYTES),
}
_INVOCATION: Columns = {name: _KINDS[name] for name in INVOCATION}
_ID: Columns = {"id": TEXT}
_OF_INVOCATION: Columns = {"invocation_id": TEXT}
_LISTENER: Columns = {**_OF_INVOCATION, "caller_id": TEXT, "caller_command": INTEGER}
_OBJECT: Columns = {"service": TEXT, "key": KEY}
_INBOX: Columns = {**_OBJECT, "seq": INTEGER}
_NAMED: Columns = {**_OBJECT, "name": TEXT}
_IDEMPOTENCY: Columns = {"service": TEXT, "handler": TEXT, "key": KEY, "idempotency_key": KEY}
_TIMER: Columns = {"due_ms": INTEGER, **_OF_INVOCATION, "purpose": TEXT, "number": INTEGER}
_HELD: Columns = {**_OF_INVOCATION, "command": INTEGER}
_DESTINATION: Columns = {"destination": PARTITION}
_MESSAGE: Columns = {**_DESTINATION, "seq": INTEGER}

INSERT_INVOCATION = _insert("invocation", _INVOCATION)
UPDATE_INVOCATION = _update_invocations({**{name: _INVOCATION[name] for name in CHANGING}, **_ID})
INSERT_ENTRY = _insert("journal_entry", {**_OF_INVOCATION, "position": INTEGER, "kind": TEXT, "entry": BYTES})
PUT_LISTENER, DELETE_LISTENER = _put("listener", _LISTENER, {}), _delete("listener", _LISTENER)
PUT_OBJECT = _put("object", _OBJECT, {"holder": TEXT, "head": INTEGER, "tail": INTEGER})
DELETE_OBJECT = _delete("object", _OBJECT)
PUT_INBOX, DELETE_INBOX = _put("inbox", _INBOX, _OF_INVOCATION), _delete("inbox", _INBOX)
PUT_STATE, DELETE_STATE = _put("state", _NAMED, {"value": BYTES}), _delete("state", _NAMED)
PUT_IDEMPOTENCY = _put("idempotency", _IDEMPOTENCY, _OF_INVOCATION)
DELETE_IDEMPOTENCY = _delete("idempotency", _IDEMPOTENCY)
PUT_PROMISE = _put("promise", _NAMED, {"result": BYTES, "waiting": TEXT})
DELETE_PROMISE = _delete("promise", _NAMED)
PUT_TIMER, DELETE_TIMER = _put("timer", _TIMER, {}), _delete("timer", _TIMER)
PUT_HELD, DELETE_HELD = _put("held_result", _HELD, {"outcome": BYTES}), _delete("held_result", _HELD)
PUT_CHANNEL = _put("channel", _DESTINATION, {"sent": INTEGER, "acknowledged": INTEGER})
PUT_OUTBOX, DELETE_OUTBOX = _put("outbox", _MESSAGE, {"message": BYTES}), _delete("outbox", _MESSAGE)
PUT_MARK = _put("mark", {"source": TEXT}, {"position": INTEGER})
PUT_RECEIVED = _put("received", {"source": PARTITION}, {"seq": INTEGER})
FORGET_JOURNAL = _delete("journal_entry", _OF_INVOCATION)
PURGE = (
    _delete("invocation", _ID),
    FORGET_JOURNAL,
    *(_delete(table, _OF_INVOCATION) for table in ("listener", "held_result")),
)
