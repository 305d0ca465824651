"""Point reads of documents, and the scans of recovery, timers and retention: each a transaction of its own."""

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias, assert_never

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from psycopg import Connection
from psycopg.rows import TupleRow

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.placement import Placement
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
from perdure_runtime.storage.api import MOST_INBOUND, Parcel, Usage
from perdure_runtime.storage.codec import PayloadCodec, opened
from perdure_runtime.storage.partitions import partition_of
from perdure_runtime.storage.postgres import views
from perdure_runtime.storage.postgres.values import PARTITION, Array, Key
from perdure_runtime.storage.rows import INVOCATION, Value, invocation_of, promise_of, timer_of
from perdure_runtime.storage.views import Condition, View, ViewRow

Parameter: TypeAlias = Value | Array


def _of_each(partitions: str, rows: str, order: str) -> str:
    """A scan of many partitions, in an order in which each one's index has its rows.

    Of each partition no more is read than the first rows that are asked for, and those of all are sorted.
    """
    return f"""
        SELECT rows.* FROM {partitions} AS wanted (partition) CROSS JOIN LATERAL (
            SELECT {rows} ORDER BY {order} LIMIT %(limit)s
        ) AS rows ORDER BY {order} LIMIT %(limit)s
    """


_THESE = "unnest(%(partitions)s::integer[])"
_ALL = "(SELECT partition FROM perdure.partition)"
_COLUMNS = ", ".join(INVOCATION)
_INVOCATIONS = f"{_COLUMNS} FROM perdure.invocation AS held WHERE held.partition = wanted.partition"
_INVOCATION_BY_ID = f"SELECT {_COLUMNS} FROM perdure.invocation WHERE partition = %s AND id = %s"
RUNNING = _of_each(_THESE, f"{_INVOCATIONS} AND status = 'running' AND id > %(after_id)s", "id")
IN_FLIGHT = _of_each(
    _ALL,
    f"{_INVOCATIONS} AND deployment_id = %(deployment_id)s AND deployment_id <> '' AND status <> 'ended'",
    "id",
)
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
_CHANNEL = "SELECT sent, acknowledged FROM perdure.channel WHERE partition = %s AND destination = %s"
_RECEIVED = "SELECT seq FROM perdure.received WHERE partition = %s AND source = %s"
_MARK = "SELECT position FROM perdure.mark WHERE partition = %s AND source = %s"
_HELD = "SELECT command, outcome FROM perdure.held_result WHERE partition = %s AND invocation_id = %s"
TIMERS = _of_each(
    _THESE,
    """
        due_ms, invocation_id, purpose, number FROM perdure.timer AS held
        WHERE held.partition = wanted.partition AND due_ms >= %(from_ms)s AND due_ms < %(before_ms)s
    """,
    "due_ms, invocation_id, purpose, number",
)
EXPIRED = _of_each(
    _THESE,
    """
        retain_until_ms, id FROM perdure.invocation AS held
        WHERE held.partition = wanted.partition AND retain_until_ms IS NOT NULL AND retain_until_ms <= %(now_ms)s
    """,
    "retain_until_ms, id",
)
OUTBOX = """
    SELECT partition, destination, seq, message FROM perdure.outbox WHERE partition = ANY(%(partitions)s::integer[])
    ORDER BY partition, destination, seq
"""
INBOUND = _of_each(
    _THESE,
    """
        held.partition, destination, seq, message FROM perdure.outbox AS held
        WHERE held.destination = wanted.partition
    """,
    "partition, destination, seq",
)
_ARRIVED = """
    SELECT source, held.partition, seq FROM perdure.received AS held
    JOIN unnest(%(sources)s::integer[], %(partitions)s::integer[]) AS wanted (source, partition)
    USING (source, partition)
"""
ENDED = f"""
    SELECT {_COLUMNS} FROM perdure.invocation WHERE service = %s AND status = 'ended' AND EXISTS (
        SELECT FROM perdure.journal_entry AS entry
        WHERE entry.partition = invocation.partition AND entry.invocation_id = invocation.id
    )
    ORDER BY id DESC LIMIT %s
"""
_STATE_USAGE = "SELECT name, count(*) FROM perdure.state WHERE service = %s GROUP BY name"
_OPEN_USAGE = """
    SELECT handler, count(*) FROM perdure.invocation WHERE service = %s AND status <> 'ended' GROUP BY handler
"""


class Reads:
    """What a database has, over one connection. All methods raise psycopg.Error, CodecFailure."""

    def __init__(
        self, connection: Connection[TupleRow], placement: Placement, codec: PayloadCodec | None = None
    ) -> None:
        self._connection = connection
        self._placement = placement
        self._codec = codec

    def load(self, document: Document) -> Content:
        """One document."""
        at = partition_of(document, self._placement)
        match document:
            case InvocationDocument(id):
                row = self._row(_INVOCATION_BY_ID, at, id)
                return invocation_of(row) if row is not None else None
            case JournalDocument(id):
                return self.entries(id)
            case ListenersDocument(id):
                return tuple(Caller(*caller) for caller in self._rows(_LISTENERS, at, id))
            case ObjectDocument(service, key):
                row = self._row(_OBJECT, at, service, Key(key))
                return ObjectRow(*row) if row is not None else None
            case InboxDocument(service, key, seq):
                row = self._row(_INBOX, at, service, Key(key), seq)
                return Place(*row) if row is not None else None
            case StateDocument(service, key):
                return dict(self._rows(_STATE, at, service, Key(key)))
            case IdempotencyDocument(name):
                target = name.target
                row = self._row(_IDEMPOTENCY, at, target.service, target.handler, Key(target.key), Key(name.key))
                return str(row[0]) if row is not None else None
            case PromisesDocument(service, key):
                rows = self._rows(_PROMISES, at, service, Key(key))
                return {name: promise_of(result, waiting) for name, result, waiting in rows}
            case ChannelDocument(_, destination):
                row = self._row(_CHANNEL, at, destination)
                return Channel(*row) if row is not None else None
            case ReceivedDocument(source, _):
                row = self._row(_RECEIVED, at, source)
                return int(row[0]) if row is not None else None
            case HeldDocument(id):
                return {command: Outcome.FromString(outcome) for command, outcome in self._rows(_HELD, at, id)}
            case MarkDocument(_, source):
                row = self._row(_MARK, at, source)
                return int(row[0]) if row is not None else None
            case _:
                assert_never(document)

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation."""
        at = self._placement.of_invocation(invocation_id)
        return [Entry.FromString(entry) for (entry,) in self._rows(JOURNAL, at, invocation_id)]

    def active(self, partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        """Running invocations above an id."""
        rows = self._scan(RUNNING, partitions=_array(partitions), after_id=after_id, limit=limit)
        return [invocation_of(row) for row in rows]

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """What a deployment has begun and not ended."""
        return [invocation_of(row) for row in self._scan(IN_FLIGHT, deployment_id=deployment_id, limit=limit)]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Ended invocations of a service that have a journal, the newest first."""
        return [invocation_of(row) for row in self._rows(ENDED, service, limit)]

    def usage(self, service: str) -> Usage:
        """What is there of a service."""
        return Usage(dict(self._rows(_STATE_USAGE, service)), dict(self._rows(_OPEN_USAGE, service)))

    def timers(self, partitions: Collection[int], from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """Timers of a span of time."""
        wanted = _array(partitions)
        rows = self._scan(TIMERS, partitions=wanted, from_ms=from_ms, before_ms=before_ms, limit=limit)
        return [timer_of(row) for row in rows]

    def expired(self, partitions: Collection[int], now_ms: int, limit: int) -> list[str]:
        """Ids of invocations with something to forget."""
        return [id for _, id in self._scan(EXPIRED, partitions=_array(partitions), now_ms=now_ms, limit=limit)]

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        """What these partitions have sent and is not known to be there."""
        return [_parcel(row) for row in self._scan(OUTBOX, partitions=_array(partitions))]

    def inbound(self, destinations: Collection[int]) -> list[Parcel]:
        """What has been sent to these partitions and is not known to be there."""
        rows = self._scan(INBOUND, partitions=_array(destinations), limit=MOST_INBOUND)
        return [_parcel(row) for row in rows]

    def arrived(self, channels: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """The numbers of the last messages that have arrived."""
        sources, destinations = [source for source, _ in channels], [destination for _, destination in channels]
        rows = self._scan(_ARRIVED, sources=_array(sources), partitions=_array(destinations))
        return {**dict.fromkeys(channels, 0), **{(source, destination): seq for source, destination, seq in rows}}

    def scan(
        self, view: View, conditions: Sequence[Condition], after: ViewRow | None, limit: int, *, descending: bool
    ) -> list[ViewRow]:
        """Rows of a view."""
        return self._look(*views.scan(view, conditions, after, limit, self._placement, descending=descending))

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        """How many rows of a view fit."""
        ((found,),) = self._look(*views.count(view, conditions, limit, self._placement))
        return int(found)

    def tally(self) -> list[tuple[str, str, str, int]]:
        """How many invocations there are of each sort."""
        return [(service, handler, status, int(n)) for service, handler, status, n in self._look(views.TALLY)]

    def _look(self, query: str, parameters: Sequence[Parameter] = ()) -> list[tuple[Any, ...]]:
        with self._connection.pipeline(), self._connection.transaction():
            self._connection.execute("SET TRANSACTION READ ONLY")
            # Of a large table costs are guessed too high: to compile would take longer than to read.
            self._connection.execute("SET LOCAL jit = off")
            # An index gives rows in their order, and of those a page needs the first few; a bitmap gives all of them.
            self._connection.execute("SET LOCAL enable_bitmapscan = off")
            found = self._connection.execute(query, parameters, binary=True).fetchall()
        return opened(self._codec, found)

    def _scan(self, query: str, **parameters: Parameter) -> list[tuple[Any, ...]]:
        return opened(self._codec, self._connection.execute(query, parameters, binary=True).fetchall())

    def _rows(self, query: str, *parameters: Parameter) -> list[tuple[Any, ...]]:
        return opened(self._codec, self._connection.execute(query, parameters, binary=True).fetchall())

    def _row(self, query: str, *parameters: Parameter) -> tuple[Any, ...] | None:
        rows = self._rows(query, *parameters)
        return rows[0] if rows else None


def _array(partitions: Collection[int]) -> Array:
    return PARTITION.array(list(partitions))


def _parcel(row: tuple[Any, ...]) -> Parcel:
    source, destination, seq, raw = row
    return Parcel(source, destination, seq, Message.FromString(raw))
