"""The PostgreSQL of a run: started, restarted and killed."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from examples.exactly_once_postgres.cluster import Cluster

TIMEOUT_S = 30.0
OWNERS = "SELECT count(DISTINCT owner) FROM perdure.partition WHERE owner <> ''"


class Database:
    """A server of the run's own. All methods block."""

    def __init__(self, directory: Path) -> None:
        # It waits for the disk, as a real one does.
        self._cluster = Cluster(directory, durable=True)
        self._data = directory / "data"
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write("logging_collector = on\nlog_directory = 'log'\nlog_lock_waits = on\n")

    @property
    def port(self) -> int:
        """Where it listens."""
        port = urlsplit(self._cluster.url).port
        assert port is not None, "the URL of a cluster names its port"
        return port

    def url(self, port: int) -> str:
        """Its URL, behind another port."""
        return self._cluster.url.replace(f":{self.port}/", f":{port}/")

    def start(self) -> None:
        """Starts it, and waits until it can be used."""
        self._cluster.start()

    def stop(self) -> None:
        """Ends it in good order: sessions are broken off, and what is committed is written down."""
        server = self._server()
        os.kill(server, signal.SIGINT)
        _wait_for_end([server])

    def kill(self) -> None:
        """SIGKILL, for the server and all its processes."""
        server = self._server()
        family = [server, *_children(server)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_for_end(family)
        # Nobody may have waited for the dead process: its number is then taken yet, and a new server would give way.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def wait_for_owners(self, many: int) -> None:
        """Waits until so many nodes own partitions."""
        deadline = time.monotonic() + TIMEOUT_S
        with psycopg.connect(self.url(self.port), autocommit=True) as connection:
            while connection.execute(OWNERS).fetchall() != [(many,)]:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not all of {many} nodes own partitions after {TIMEOUT_S:g} s: see their logs")
                time.sleep(0.1)

    def keep_logs(self, directory: Path) -> None:
        """Copies what it said."""
        for log in (self._data / "log").glob("*"):
            shutil.copy(log, directory / f"postgres-{log.name}")

    def _server(self) -> int:
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])


@contextmanager
def running_database(logs: Path) -> Iterator[Database]:
    """Starts a server; ends it at the end, keeps its logs and deletes its data."""
    directory = Path(tempfile.mkdtemp(prefix="perdure-chaos-postgres-"))
    try:
        database = Database(directory)
        database.start()
        try:
            yield database
        finally:
            with suppress(FileNotFoundError, ProcessLookupError):
                database.kill()
            database.keep_logs(logs)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _children(pid: int) -> list[int]:
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of the program, which may hold anything, ends with the last parenthesis.
            if int(status.read_text().rpartition(")")[2].split()[1]) == pid:
                children.append(int(status.parent.name))
    return children


def _wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while any(_runs(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL has not ended within {TIMEOUT_S:g} s: look at its processes {pids}")
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # Whoever should have waited for it may not do so for long.
