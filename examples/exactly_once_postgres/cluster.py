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


@contextmanager
def cluster() -> Iterator[str]:
    """Starts a cluster and gives the URL of its database; stops it and deletes it at the end."""
    port = free_port()
    directory = Path(tempfile.mkdtemp(prefix="perdure-postgres-"))
    data = directory / "data"
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, USER)
        _run(
            "initdb",
            "--pgdata",
            str(data),
            "--username",
            USER,
            "--auth",
            "trust",
            "--no-locale",
            "--encoding",
            "UTF8",
            "--no-sync",
        )
        # Only on loopback, and without a socket file. Nobody cuts the power: fsync would only cost time.
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
        _run("pg_ctl", "start", "--wait", "--pgdata", str(data), "--options", options)
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "stop", "--wait", "--pgdata", str(data), "--mode", "immediate")
    finally:
        shutil.rmtree(directory)


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
