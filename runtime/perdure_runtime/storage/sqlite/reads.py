"""Point reads of documents, and the scans of recovery, timers and retention.

All rows of an answer are fetched at once: a statement left open would hold its snapshot, and keep the log from
ever being emptied.
"""

import json
import sqlite3
from collections.abc import Collection
from typing import Any, assert_never

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Caller, Channel, Invocation, ObjectRow, Place, Timer
from perdure_runtime.partition.view import (
    ChannelDocument,
    Document,
    HeldDocument,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    ObjectDocument,
    PromisesDocument,
    ReceivedDocument,
    StateDocument,
)
from perdure_runtime.storage.api import DeploymentRow, Parcel, Usage
from perdure_runtime.storage.rows import INVOCATION, invocation_of, promise_of, timer_of

_INVOCATION = (
    f"SELECT {', '.join(INVOCATION[:-1])},"
    " coalesce(input, (SELECT input FROM long_input WHERE invocation_id = id)) FROM invocation"
)
_INVOCATION_BY_ID = f"{_INVOCATION} WHERE id = ?"
RUNNING = f"{_INVOCATION} WHERE status = 'running' AND id > ? ORDER BY id LIMIT ?"
IN_FLIGHT = f"""
    {_INVOCATION} WHERE deployment_id = ? AND deployment_id != '' AND status != 'ended' ORDER BY id LIMIT ?
"""
ENDED = f"""
    {_INVOCATION} WHERE service = ? AND status = 'ended'
    AND EXISTS (SELECT 1 FROM journal_entry WHERE invocation_id = id) ORDER BY id DESC LIMIT ?
"""
_STATE_USAGE = "SELECT name, count(*) FROM state WHERE service = ? GROUP BY name"
_OPEN_USAGE = "SELECT handler, count(*) FROM invocation WHERE service = ? AND status != 'ended' GROUP BY handler"
JOURNAL = "SELECT entry FROM journal_entry WHERE invocation_id = ? ORDER BY position"
_LISTENERS = """
    SELECT caller_id, caller_command FROM listener WHERE invocation_id = ? ORDER BY caller_id, caller_command
"""
_OBJECT = "SELECT holder, head, tail FROM object WHERE service = ? AND key = ?"
_INBOX = "SELECT seq, invocation_id FROM inbox WHERE service = ? AND key = ? AND seq >= ? ORDER BY seq LIMIT 1"
_STATE = "SELECT name, value FROM state WHERE service = ? AND key = ?"
_IDEMPOTENCY = """
    SELECT invocation_id FROM idempotency WHERE service = ? AND handler = ? AND key = ? AND idempotency_key = ?
"""
_PROMISES = "SELECT name, result, waiting FROM promise WHERE service = ? AND key = ?"
_CHANNEL = "SELECT sent, acknowledged FROM channel WHERE source = ? AND destination = ?"
_RECEIVED = "SELECT seq FROM received WHERE source = ? AND destination = ?"
_HELD = "SELECT command, outcome FROM held_result WHERE invocation_id = ? ORDER BY command"
OUTBOX = """
    SELECT source, destination, seq, message FROM outbox WHERE source IN (SELECT value FROM json_each(?))
    ORDER BY source, destination, seq
"""
TIMERS = """
    SELECT due_ms, invocation_id, purpose, number FROM timer WHERE due_ms >= ? AND due_ms < ?
    ORDER BY due_ms, invocation_id, purpose, number LIMIT ?
"""
EXPIRED = """
    SELECT id FROM invocation WHERE retain_until_ms IS NOT NULL AND retain_until_ms <= ?
    ORDER BY retain_until_ms, id LIMIT ?
"""
_DEPLOYMENTS = """
    SELECT id, address, services, descriptors, created_at_ms, sdk_version FROM deployment ORDER BY created_at_ms, id
"""


def load(connection: sqlite3.Connection, document: Document) -> Content:
    """One document. Raises sqlite3.Error."""
    match document:
        case InvocationDocument(id):
            row = _row(connection, _INVOCATION_BY_ID, (id,))
            return invocation_of(row) if row is not None else None
        case JournalDocument(id):
            return entries(connection, id)
        case ListenersDocument(id):
            return tuple(Caller(*caller) for caller in connection.execute(_LISTENERS, (id,)).fetchall())
        case ObjectDocument(service, key):
            row = _row(connection, _OBJECT, (service, key))
            return ObjectRow(*row) if row is not None else None
        case InboxDocument(service, key, seq):
            row = _row(connection, _INBOX, (service, key, seq))
            return Place(*row) if row is not None else None
        case StateDocument(service, key):
            return dict(connection.execute(_STATE, (service, key)).fetchall())
        case IdempotencyDocument(name):
            target = name.target
            row = _row(connection, _IDEMPOTENCY, (target.service, target.handler, target.key, name.key))
            return str(row[0]) if row is not None else None
        case PromisesDocument(service, key):
            rows = connection.execute(_PROMISES, (service, key)).fetchall()
            return {name: promise_of(result, waiting) for name, result, waiting in rows}
        case ChannelDocument(source, destination):
            row = _row(connection, _CHANNEL, (source, destination))
            return Channel(*row) if row is not None else None
        case ReceivedDocument(source, destination):
            row = _row(connection, _RECEIVED, (source, destination))
            return int(row[0]) if row is not None else None
        case HeldDocument(id):
            held = connection.execute(_HELD, (id,)).fetchall()
            return {command: Outcome.FromString(outcome) for command, outcome in held}
        case _:
            assert_never(document)


def entries(connection: sqlite3.Connection, invocation_id: str) -> list[Entry]:
    """The journal of an invocation. Raises sqlite3.Error."""
    return [Entry.FromString(entry) for (entry,) in connection.execute(JOURNAL, (invocation_id,)).fetchall()]


def outbox(connection: sqlite3.Connection, partitions: Collection[int]) -> list[Parcel]:
    """What these partitions have sent and is not known to be there. Raises sqlite3.Error."""
    rows = connection.execute(OUTBOX, (json.dumps(list(partitions)),)).fetchall()
    return [Parcel(source, destination, seq, Message.FromString(raw)) for source, destination, seq, raw in rows]


def active(connection: sqlite3.Connection, after_id: str, limit: int) -> list[Invocation]:
    """Running invocations above an id. Raises sqlite3.Error."""
    return [invocation_of(row) for row in connection.execute(RUNNING, (after_id, limit)).fetchall()]


def in_flight(connection: sqlite3.Connection, deployment_id: str, limit: int) -> list[Invocation]:
    """What a deployment has begun and not ended. Raises sqlite3.Error."""
    return [invocation_of(row) for row in connection.execute(IN_FLIGHT, (deployment_id, limit)).fetchall()]


def ended(connection: sqlite3.Connection, service: str, limit: int) -> list[Invocation]:
    """Ended invocations with a journal. Raises sqlite3.Error."""
    return [invocation_of(row) for row in connection.execute(ENDED, (service, limit)).fetchall()]


def usage(connection: sqlite3.Connection, service: str) -> Usage:
    """What is there of a service. Raises sqlite3.Error."""
    state = connection.execute(_STATE_USAGE, (service,)).fetchall()
    return Usage(dict(state), dict(connection.execute(_OPEN_USAGE, (service,)).fetchall()))


def timers(connection: sqlite3.Connection, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
    """Timers of a span of time. Raises sqlite3.Error."""
    # A negative limit is none.
    rows = connection.execute(TIMERS, (from_ms, before_ms, -1 if limit is None else limit)).fetchall()
    return [timer_of(row) for row in rows]


def expired(connection: sqlite3.Connection, now_ms: int, limit: int | None) -> list[str]:
    """Ids of invocations to be purged. Raises sqlite3.Error."""
    return [id for (id,) in connection.execute(EXPIRED, (now_ms, -1 if limit is None else limit)).fetchall()]


def deployments(connection: sqlite3.Connection) -> list[DeploymentRow]:
    """All deployments. Raises sqlite3.Error."""
    return [
        DeploymentRow(id, address, tuple(json.loads(services)), *rest)
        for id, address, services, *rest in connection.execute(_DEPLOYMENTS).fetchall()
    ]


def _row(connection: sqlite3.Connection, query: str, parameters: tuple[str | int, ...]) -> tuple[Any, ...] | None:
    rows: list[tuple[Any, ...]] = connection.execute(query, parameters).fetchall()
    return rows[0] if rows else None
