"""All that one file has, for operators: of the worker's own file, or of another worker's."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import StorageFailure, Usage
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.sqlite import views
from perdure_runtime.storage.sqlite.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.sqlite.readers import Readers
from perdure_runtime.storage.sqlite.reads import Reads
from perdure_runtime.storage.sqlite.schema import MIGRATIONS, version_of
from perdure_runtime.storage.views import Condition, View, ViewRow, check

T = TypeVar("T")


class SqliteSurvey:
    """All rows of a file, as ``storage.api.Survey`` says, over connections of its own that can change nothing.

    A file that is not there yet counts as empty.
    """

    def __init__(self, path: Path, codec: PayloadCodec | None = None) -> None:
        self.path = path.resolve()
        self._codec = codec
        self._readers = Readers(self.path)

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        doing = "scanning the work of a deployment"
        return self._read(doing, lambda reads: reads.in_flight(deployment_id, limit), [])

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return self._read("scanning ended invocations", lambda reads: reads.ended(service, limit), [])

    def usage(self, service: str) -> Usage:
        return self._read("counting what a service has", lambda reads: reads.usage(service), Usage({}, {}))

    def entries(self, invocation_id: str) -> list[Entry]:
        return self._read("reading a journal", lambda reads: reads.entries(invocation_id), [])

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
        query = views.scan(view, conditions, after, limit, descending=descending)
        return self._read(f"scanning {view.name}", lambda reads: reads.rows(*query), [])

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        check(view, conditions)
        query = views.count(view, conditions, limit)
        return self._read(f"counting {view.name}", lambda reads: int(reads.rows(*query)[0][0]), 0)

    def tally(self) -> list[tuple[str, str, str, int]]:
        return self._read("counting invocations", lambda reads: reads.tally(), [])

    def close(self) -> None:
        """Closes the connections that are kept for later."""
        self._readers.close()

    def _read(self, doing: str, read: Callable[[Reads], T], nothing: T) -> T:
        """What is read of the file, where it has tables."""
        if not self.path.exists():
            return nothing
        try:
            with self._readers.one() as connection:
                version = version_of(connection, self.path)
                if version == 0:
                    return nothing
                if version < len(MIGRATIONS):
                    raise StorageFailure(
                        f"{doing} failed: {self.path} is of an older perdure yet; start its worker, which renews it"
                    )
                return read(Reads(connection, self._codec))
        except (sqlite3.Error, OSError, *UNFIT, *UNREADABLE) as error:
            raise failure(doing, self.path, error) from error
