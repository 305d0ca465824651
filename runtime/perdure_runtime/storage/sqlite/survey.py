"""All that the workers of a machine have in their files."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import StorageFailure, Usage
from perdure_runtime.storage.sqlite import reads
from perdure_runtime.storage.sqlite.connection import connect_to_read
from perdure_runtime.storage.sqlite.failure import UNREADABLE, failure
from perdure_runtime.storage.sqlite.schema import MIGRATIONS, version_of

T = TypeVar("T")


class SqliteSurvey:
    """All rows of several files, as ``storage.api.Survey`` says.

    Operators ask seldom: each time over connections of their own. A file that is not there yet counts as empty.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(path.resolve() for path in paths)

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        found = self._each("scanning the work of a deployment", lambda one: reads.in_flight(one, deployment_id, limit))
        return sorted(chain.from_iterable(found), key=lambda row: row.id)[:limit]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        found = self._each("scanning ended invocations", lambda one: reads.ended(one, service, limit))
        return sorted(chain.from_iterable(found), key=lambda row: row.id, reverse=True)[:limit]

    def usage(self, service: str) -> Usage:
        state, running = Counter[str](), Counter[str]()
        for usage in self._each("counting what a service has", lambda one: reads.usage(one, service)):
            state.update(usage.state)
            running.update(usage.open)
        return Usage(dict(state), dict(running))

    def entries(self, invocation_id: str) -> list[Entry]:
        found = self._each("reading a journal", lambda one: reads.entries(one, invocation_id))
        return list(chain.from_iterable(found))

    def _each(self, doing: str, read: Callable[[sqlite3.Connection], T]) -> Iterator[T]:
        """What is read of each file that has tables."""
        for path in self._paths:
            if not path.exists():
                continue
            try:
                with closing(connect_to_read(path)) as connection:
                    version = version_of(connection, path)
                    if version == len(MIGRATIONS):
                        yield read(connection)
                    elif version > 0:
                        raise StorageFailure(
                            f"{doing} failed: {path} is of an older perdure yet; start its worker, which renews it"
                        )
            except (sqlite3.Error, *UNREADABLE) as error:
                raise failure(doing, path, error) from error
