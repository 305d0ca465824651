"""Point reads of documents, and the scans of recovery, timers and retention: each a transaction of its own."""

import json
from typing import Any, TypeAlias, assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from psycopg import Connection
from psycopg.rows import TupleRow

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Caller, Invocation, ObjectRow, Place, Timer
from perdure_runtime.partition.view import (
    Document,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    ObjectDocument,
    PromisesDocument,
    StateDocument,
)
from perdure_runtime.storage.api import DeploymentRow, Usage
from perdure_runtime.storage.postgres.values import Key
from perdure_runtime.storage.rows import INVOCATION, invocation_of, promise_of, timer_of

Parameter: TypeAlias = str | int | None

_INVOCATION = f"SELECT {', '.join(INVOCATION)} FROM perdure.invocation WHERE partition = %s"
_INVOCATION_BY_ID = f"{_INVOCATION} AND id = %s"
RUNNING = f"{_INVOCATION} AND status = 'running' AND id > %s ORDER BY id LIMIT %s"
IN_FLIGHT = f"""
    {_INVOCATION} AND deployment_id = %s AND deployment_id <> '' AND status <> 'ended' ORDER BY id LIMIT %s
"""
JOURNAL = "SELECT entry FROM perdure.journal_entry WHERE partition = %s AND invocation_id = %s ORDER BY position"
_LISTENERS = """
    SELECT caller_id, caller_command FROM perdure.listener WHERE partition = %s AND invocation_id = %s
    ORDER BY caller_id, caller_command
"""
_OBJECT = "SELECT holder, head, tail FROM perdure.object WHERE partition = %s AND service = %s AND key = %s"
_INBOX = """
    SELECT seq, invocation_id FROM perdure.inbox WHERE partition = %s AND service = %s AND key = %s AND seq >= %s
    ORDER BY seq LIMIT 1
"""
_STATE = "SELECT name, value FROM perdure.state WHERE partition = %s AND service = %s AND key = %s"
_IDEMPOTENCY = """
    SELECT invocation_id FROM perdure.idempotency
    WHERE partition = %s AND service = %s AND handler = %s AND key = %s AND idempotency_key = %s
"""
_PROMISES = "SELECT name, result, waiting FROM perdure.promise WHERE partition = %s AND service = %s AND key = %s"
TIMERS = """
    SELECT due_ms, invocation_id, purpose, number FROM perdure.timer
    WHERE partition = %s AND due_ms >= %s AND due_ms < %s
    ORDER BY due_ms, invocation_id, purpose, number LIMIT %s
"""
EXPIRED = """
    SELECT id FROM perdure.invocation WHERE partition = %s AND retain_until_ms IS NOT NULL AND retain_until_ms <= %s
    ORDER BY retain_until_ms, id LIMIT %s
"""
ENDED = f"""
    {_INVOCATION} AND service = %s AND status = 'ended' AND EXISTS (
        SELECT FROM perdure.journal_entry AS entry
        WHERE entry.partition = invocation.partition AND entry.invocation_id = invocation.id
    )
    ORDER BY id DESC LIMIT %s
"""
_STATE_USAGE = "SELECT name, count(*) FROM perdure.state WHERE partition = %s AND service = %s GROUP BY name"
_OPEN_USAGE = """
    SELECT handler, count(*) FROM perdure.invocation WHERE partition = %s AND service = %s AND status <> 'ended'
    GROUP BY handler
"""
_DEPLOYMENTS = """
    SELECT id, address, services, descriptors, created_at_ms FROM perdure.deployment WHERE partition = %s
    ORDER BY created_at_ms, id
"""


class Reads:
    """What one partition has, over one connection. All methods raise psycopg.Error."""

    def __init__(self, connection: Connection[TupleRow], partition: int) -> None:
        self._connection = connection
        self._partition = partition

    def load(self, document: Document) -> Content:
        """One document."""
        match document:
            case InvocationDocument(id):
                row = self._row(_INVOCATION_BY_ID, id)
                return invocation_of(row) if row is not None else None
            case JournalDocument(id):
                return [Entry.FromString(entry) for (entry,) in self._rows(JOURNAL, id)]
            case ListenersDocument(id):
                return tuple(Caller(*caller) for caller in self._rows(_LISTENERS, id))
            case ObjectDocument(service, key):
                row = self._row(_OBJECT, service, Key(key))
                return ObjectRow(*row) if row is not None else None
            case InboxDocument(service, key, seq):
                row = self._row(_INBOX, service, Key(key), seq)
                return Place(*row) if row is not None else None
            case StateDocument(service, key):
                return dict(self._rows(_STATE, service, Key(key)))
            case IdempotencyDocument(name):
                target = name.target
                row = self._row(_IDEMPOTENCY, target.service, target.handler, Key(target.key), Key(name.key))
                return str(row[0]) if row is not None else None
            case PromisesDocument(service, key):
                rows = self._rows(_PROMISES, service, Key(key))
                return {name: promise_of(result, waiting) for name, result, waiting in rows}
            case _:
                assert_never(document)

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        """Running invocations above an id."""
        return [invocation_of(row) for row in self._rows(RUNNING, after_id, limit)]

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """What a deployment has begun and not ended."""
        return [invocation_of(row) for row in self._rows(IN_FLIGHT, deployment_id, limit)]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Ended invocations of a service that have a journal, the newest first."""
        return [invocation_of(row) for row in self._rows(ENDED, service, limit)]

    def usage(self, service: str) -> Usage:
        """What is there of a service."""
        return Usage(dict(self._rows(_STATE_USAGE, service)), dict(self._rows(_OPEN_USAGE, service)))

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """Timers of a span of time."""
        return [timer_of(row) for row in self._rows(TIMERS, from_ms, before_ms, limit)]

    def expired(self, now_ms: int, limit: int) -> list[str]:
        """Ids of invocations with something to forget."""
        return [id for (id,) in self._rows(EXPIRED, now_ms, limit)]

    def deployments(self) -> list[DeploymentRow]:
        """All deployments."""
        return [
            DeploymentRow(id, address, tuple(json.loads(services)), descriptors, created_at_ms)
            for id, address, services, descriptors, created_at_ms in self._rows(_DEPLOYMENTS)
        ]

    def _rows(self, query: str, *parameters: Parameter) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, (self._partition, *parameters), binary=True).fetchall()

    def _row(self, query: str, *parameters: Parameter) -> tuple[Any, ...] | None:
        rows = self._rows(query, *parameters)
        return rows[0] if rows else None
