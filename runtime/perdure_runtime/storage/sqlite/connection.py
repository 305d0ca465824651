"""Connections and their settings, and the lock that keeps a second node out."""

import fcntl
import os
import sqlite3
from pathlib import Path

from perdure_runtime.storage.api import StorageFailure, StorageInUse

# Both connections belong to one process; beside it only another worker that changes deployments, or an operator's own
# tool, can hold the file for writing, and not for long.
BUSY_TIMEOUT_S = 2.0

# A checkpoint copies what the log has gathered into the database, and lets the log begin anew. It runs at the end of
# the commit that fills the log: in the thread that waits for the disk, so it never holds up the loop, only the answers
# of that one batch. It runs there and not beside commits, since a log that is being written is never done, and would
# grow for as long as there is work. 8 MiB: twice as much saves no work any more, since few pages are hot, and
# doubles the wait, here about 5 ms.
CHECKPOINT_PAGES = 2_048
PAGE_BYTES = 4_096
CACHE_KIB = 16 * 1024


# STRICT tables.
OLDEST_SQLITE = (3, 37, 0)


def connect(path: Path) -> sqlite3.Connection:
    """A connection for one thread at a time, each statement a transaction unless one is begun.

    It changes nothing in the file yet: ``configure`` does. Raises StorageFailure, sqlite3.Error.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StorageFailure(
            f"this Python was built with SQLite {sqlite3.sqlite_version}; perdure needs "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or newer: run it with another build of Python"
        )
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection for one thread at a time that can change nothing. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def configure(connection: sqlite3.Connection) -> None:
    """Makes commits of a connection durable, and its checkpoints seldom. Raises sqlite3.Error."""
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "journal_mode = WAL",
        # FULL waits for the disk in each commit; NORMAL would lose acknowledged calls with the power.
        "synchronous = FULL",
        # On macOS a plain fsync leaves data in the drive's cache.
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        # An operator's long read keeps checkpoints from ending, and the log grows; give its space back afterwards.
        f"journal_size_limit = {4 * CHECKPOINT_PAGES * PAGE_BYTES}",
        f"cache_size = -{CACHE_KIB}",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


class Lock:
    """A lock of the operating system on a file beside the database; it goes with its process, however that ends.

    The database itself cannot carry it: SQLite's own locks on a file are lost when anything else closes that file.
    """

    def __init__(self, path: Path) -> None:
        """Takes the lock. Raises StorageInUse, OSError."""
        self._file = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # For people who ask who holds it; nothing depends on it.
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            owner = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise StorageInUse(
                f"{path} belongs to another node" + (f", process {owner}" if owner else "") + "; "
                "stop that one, or name another file or directory for this node's data"
            ) from None
        except BaseException:
            os.close(self._file)
            raise

    def release(self) -> None:
        """Lets the next node in. The file stays: removing it could let two nodes lock two files of one name."""
        os.close(self._file)
