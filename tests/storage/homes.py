"""Where a storage under test lives: what outlives it, and what can go wrong there."""

import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from perdure_runtime.storage.api import Storage
from perdure_runtime.storage.memory import MemoryStorage, Rows
from perdure_runtime.storage.sqlite import SqliteStorage


class Home(Protocol):
    """A place for one partition's rows."""

    def open(self) -> Storage:
        """A new storage over what is durable here."""

    def lose_lock(self) -> None:
        """Lets another storage open while one is: what a network disk or a deleted file may do to a lock."""

    def failing(self) -> AbstractContextManager[None]:
        """While entered, commits fail."""


class SqliteHome:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "perdure.db"

    def open(self) -> Storage:
        return SqliteStorage(self.path)

    def lose_lock(self) -> None:
        self.path.with_name("perdure.db.lock").unlink()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """A real failure of write(2): no file of this process may grow beyond the size that the log has now."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.path.with_name("perdure.db-wal").stat().st_size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class MemoryHome:
    def __init__(self) -> None:
        self.rows = Rows()
        self.storage: MemoryStorage | None = None

    def open(self) -> Storage:
        self.storage = MemoryStorage(self.rows)
        return self.storage

    def lose_lock(self) -> None:
        self.rows.in_use = False

    @contextmanager
    def failing(self) -> Iterator[None]:
        assert self.storage is not None
        self.storage.fail_next_commit("the disk is full")
        yield
