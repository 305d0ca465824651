"""A PostgreSQL of one's own: made in a temporary directory, on a free port, and gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.demo.processes import free_port

# Where Debian puts what is not for everybody's PATH.
DEBIAN = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root; its package makes this user.
USER = "postgres"


class Cluster:
    """A server of one's own, and where it is."""

    def __init__(self, directory: Path, *, durable: bool) -> None:
        self._durable = durable
        self._data = directory / "data"
        self._port = free_port()
        self.url = f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"
        if os.geteuid() == 0:
            shutil.chown(directory, USER)
        making = ["--username", USER, "--auth", "trust", "--no-locale", "--encoding", "UTF8", "--no-sync"]
        _run("initdb", "--pgdata", str(self._data), *making)

    def start(self) -> None:
        """Starts the server, and waits until it can be used."""
        # Only on loopback, and without a socket file.
        options = f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories=''"
        if not self._durable:
            # Nobody cuts the power: to wait for the disk would only cost time.
            options += " -c fsync=off"
        _run("pg_ctl", "start", "--wait", "--pgdata", str(self._data), "--options", options)

    def stop(self) -> None:
        """Stops the server at once, as a crash would."""
        _run("pg_ctl", "stop", "--wait", "--pgdata", str(self._data), "--mode", "immediate")


@contextmanager
def running_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Starts a cluster; stops it and deletes it at the end."""
    directory = Path(tempfile.mkdtemp(prefix="perdure-postgres-"))
    try:
        cluster = Cluster(directory, durable=durable)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory)


@contextmanager
def cluster() -> Iterator[str]:
    """Starts a cluster, gives the URL of its database, and deletes all of it at the end."""
    with running_cluster() as running:
        yield running.url


def _run(program: str, *arguments: str) -> None:
    """Runs a program of PostgreSQL, as a user that may."""
    identity = pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else None
    command = [str(_find(program)), *arguments]
    # No pipe: the server, which pg_ctl leaves behind, would keep it open, and so keep us waiting.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, user=identity, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        if done.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{said.read().decode()}")


def _find(program: str) -> Path:
    on_path = shutil.which(program)
    if on_path is not None:
        return Path(on_path)
    installed = sorted(DEBIAN.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    if not installed:
        raise FileNotFoundError(f"this needs {program} of PostgreSQL: run `make postgresql`, or install it")
    return installed[-1]
