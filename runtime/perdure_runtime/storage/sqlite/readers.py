"""Connections that read a file beside its worker, kept open for whoever asks next."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from perdure_runtime.storage.sqlite.connection import connect_to_read

# More are closed when they come back: so many people look at once, at most.
MOST_KEPT = 4

# Which file it is that a name stands for: another one may have taken its place.
_Identity: TypeAlias = tuple[int, int]


class Readers:
    """Each is one thread's at a time. Between uses they hold no snapshot, so that the log can be emptied."""

    def __init__(self, path: Path) -> None:
        """Opens nothing yet."""
        self._path = path
        self._lock = Lock()
        self._kept: list[tuple[_Identity, sqlite3.Connection]] = []
        self._most = MOST_KEPT

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file, which must be there. Raises FileNotFoundError, sqlite3.Error."""
        status = os.stat(self._path)
        identity = status.st_dev, status.st_ino
        connection = self._take(identity) or connect_to_read(self._path)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._put_back(identity, connection)

    def close(self) -> None:
        """Closes those that nobody uses; others when they come back."""
        with self._lock:
            self._most = 0
            kept, self._kept = self._kept, []
        for _, connection in kept:
            connection.close()

    def _take(self, identity: _Identity) -> sqlite3.Connection | None:
        with self._lock:
            while self._kept:
                known, connection = self._kept.pop()
                if known == identity:
                    return connection
                connection.close()
        return None

    def _put_back(self, identity: _Identity, connection: sqlite3.Connection) -> None:
        with self._lock:
            if len(self._kept) < self._most:
                self._kept.append((identity, connection))
                return
        connection.close()
