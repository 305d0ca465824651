"""All that a database has, for operators, whoever owns its partitions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

import psycopg
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from psycopg import Connection
from psycopg.rows import TupleRow

from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import StorageFailure, Usage
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.postgres import schema
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.postgres.reads import Reads
from perdure_runtime.storage.views import Condition, View, ViewRow, check

T = TypeVar("T")

# More are closed when they come back: so many people look at once, at most.
MOST_KEPT = 4


class PostgresSurvey:
    """All rows of a database, as ``storage.api.Survey`` says, each read over a connection that is its alone.

    The tables must be there, of the version that this perdure knows: a ``PostgresStorage`` makes them.
    """

    def __init__(self, url: str, codec: PayloadCodec | None = None) -> None:
        """Connects when it is first asked. Raises StorageFailure where the URL is none."""
        self._address = Address(url)
        self._codec = codec
        # A storage knows it from the beginning, others find it in the database.
        self._known: Placement | None = None
        self._lock = Lock()
        self._kept: list[Link] = []
        self._closed = False

    @property
    def name(self) -> str:
        """The database as people may see it: without a password."""
        return self._address.name

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        return self._survey("scanning the work of a deployment", lambda reads: reads.in_flight(deployment_id, limit))

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return self._survey("scanning ended invocations", lambda reads: reads.ended(service, limit))

    def usage(self, service: str) -> Usage:
        return self._survey("counting what a service has", lambda reads: reads.usage(service))

    def entries(self, invocation_id: str) -> list[Entry]:
        return self._survey("reading a journal", lambda reads: reads.entries(invocation_id))

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        check(view, conditions, after)
        return self._survey(
            f"scanning {view.name}", lambda reads: reads.scan(view, conditions, after, limit, descending=descending)
        )

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        check(view, conditions)
        return self._survey(f"counting {view.name}", lambda reads: reads.count(view, conditions, limit))

    def tally(self) -> list[tuple[str, str, str, int]]:
        return self._survey("counting invocations", lambda reads: reads.tally())

    def close(self) -> None:
        """Closes the connections; those that are in use when they come back."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, []
        for link in kept:
            link.close()

    def _survey(self, doing: str, read: Callable[[Reads], T]) -> T:
        self._refuse_closed()
        try:
            with self._one() as link:
                return link.use(lambda connection: read(Reads(connection, self._placed(connection), self._codec)))
        except (psycopg.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(doing, self.name, error) from error

    @contextmanager
    def _one(self) -> Iterator[Link]:
        with self._lock:
            link = self._kept.pop() if self._kept else Link(self._address)
        try:
            yield link
        finally:
            with self._lock:
                keep = not self._closed and len(self._kept) < MOST_KEPT
                if keep:
                    self._kept.append(link)
            if not keep:
                link.close()

    def _placed(self, connection: Connection[TupleRow]) -> Placement:
        if self._known is None:
            self._known = Placement(schema.partitions_of(connection, self.name))
        return self._known

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageFailure(f"the storage on {self.name} is closed: open another one")
