"""Point reads of documents, and the scans of recovery, timers and retention.

All rows of an answer are fetched at once: a statement left open would hold its snapshot, and keep the log from
ever being emptied.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence
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
    MarkDocument,
    ObjectDocument,
    PromisesDocument,
    ReceivedDocument,
    StateDocument,
)
from perdure_runtime.storage.api import Parcel, Usage
from perdure_runtime.storage.codec import PayloadCodec, opened
from perdure_runtime.storage.rows import INVOCATION, Value, invocation_of, promise_of, timer_of
from perdure_runtime.storage.selecting import ENDING

# Where an input is: see schema.long_input.
INPUT = "coalesce(input, (SELECT input FROM long_input WHERE invocation_id = id))"
_INVOCATION = f"SELECT {', '.join(INVOCATION[:-1])}, {INPUT} FROM invocation"
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
_MARK = "SELECT position FROM mark WHERE partition = ? AND source = ?"
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
_TALLY = f"""
    SELECT service, handler, {ENDING} AS ending, count(*) FROM invocation
    GROUP BY service, handler, ending ORDER BY service, handler, ending
"""


class Reads:
    """What a file has, over one connection. All methods raise sqlite3.Error, CodecFailure."""

    def __init__(self, connection: sqlite3.Connection, codec: PayloadCodec | None = None) -> None:
        self.connection = connection
        self._codec = codec

    def load(self, document: Document) -> Content:
        """One document."""
        match document:
            case InvocationDocument(id):
                row = self._row(_INVOCATION_BY_ID, (id,))
                return invocation_of(row) if row is not None else None
            case JournalDocument(id):
                return self.entries(id)
            case ListenersDocument(id):
                return tuple(Caller(*caller) for caller in self.rows(_LISTENERS, (id,)))
            case ObjectDocument(service, key):
                row = self._row(_OBJECT, (service, key))
                return ObjectRow(*row) if row is not None else None
            case InboxDocument(service, key, seq):
                row = self._row(_INBOX, (service, key, seq))
                return Place(*row) if row is not None else None
            case StateDocument(service, key):
                return dict(self.rows(_STATE, (service, key)))
            case IdempotencyDocument(name):
                target = name.target
                row = self._row(_IDEMPOTENCY, (target.service, target.handler, target.key, name.key))
                return str(row[0]) if row is not None else None
            case PromisesDocument(service, key):
                rows = self.rows(_PROMISES, (service, key))
                return {name: promise_of(result, waiting) for name, result, waiting in rows}
            case ChannelDocument(source, destination):
                row = self._row(_CHANNEL, (source, destination))
                return Channel(*row) if row is not None else None
            case ReceivedDocument(source, destination):
                row = self._row(_RECEIVED, (source, destination))
                return int(row[0]) if row is not None else None
            case HeldDocument(id):
                return {command: Outcome.FromString(outcome) for command, outcome in self.rows(_HELD, (id,))}
            case MarkDocument(partition, source):
                row = self._row(_MARK, (partition, source))
                return int(row[0]) if row is not None else None
            case _:
                assert_never(document)

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation."""
        return [Entry.FromString(entry) for (entry,) in self.rows(JOURNAL, (invocation_id,))]

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        """What these partitions have sent and is not known to be there."""
        rows = self.rows(OUTBOX, (json.dumps(list(partitions)),))
        return [Parcel(source, destination, seq, Message.FromString(raw)) for source, destination, seq, raw in rows]

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        """Running invocations above an id."""
        return [invocation_of(row) for row in self.rows(RUNNING, (after_id, limit))]

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """What a deployment has begun and not ended."""
        return [invocation_of(row) for row in self.rows(IN_FLIGHT, (deployment_id, limit))]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Ended invocations with a journal."""
        return [invocation_of(row) for row in self.rows(ENDED, (service, limit))]

    def usage(self, service: str) -> Usage:
        """What is there of a service."""
        return Usage(dict(self.rows(_STATE_USAGE, (service,))), dict(self.rows(_OPEN_USAGE, (service,))))

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """Timers of a span of time."""
        # A negative limit is none.
        return [timer_of(row) for row in self.rows(TIMERS, (from_ms, before_ms, -1 if limit is None else limit))]

    def expired(self, now_ms: int, limit: int | None) -> list[str]:
        """Ids of invocations to be purged."""
        return [id for (id,) in self.rows(EXPIRED, (now_ms, -1 if limit is None else limit))]

    def tally(self) -> list[tuple[str, str, str, int]]:
        """How many invocations there are of each sort."""
        return [(service, handler, status, number) for service, handler, status, number in self.rows(_TALLY, ())]

    def rows(self, query: str, parameters: Sequence[Value]) -> list[tuple[Any, ...]]:
        """The rows of a query, with their payloads as they were."""
        return opened(self._codec, self.connection.execute(query, parameters).fetchall())

    def _row(self, query: str, parameters: Sequence[Value]) -> tuple[Any, ...] | None:
        rows = self.rows(query, parameters)
        return rows[0] if rows else None
