"""A PgBouncer of one's own, which gives each transaction another session of the server."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from examples.demo.processes import free_port

TIMEOUT_S = 20.0
# Debian keeps it off everybody's PATH.
DEBIAN = "/usr/sbin"
USER = "postgres"
# So many sessions of the server it has for a database.
SESSIONS = 3


@contextmanager
def pooler_before(url: str) -> Iterator[str]:
    """Starts a pooler in front of a server, gives the URL of the same database behind it, and ends it afterwards."""
    server, port = urlsplit(url), free_port()
    with tempfile.TemporaryDirectory(prefix="perdure-pgbouncer-") as directory:
        settings = Path(directory) / "pgbouncer.ini"
        settings.write_text(
            "[databases]\n"
            f"* = host={server.hostname} port={server.port} user={USER}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
            # Whatever a transaction leaves in its session, the next one of somebody else finds.
            "server_round_robin = 1\nserver_reset_query =\n"
        )
        identity = None
        if os.geteuid() == 0:
            # Like the server itself, it refuses to run as root.
            identity = pwd.getpwnam(USER).pw_uid
            shutil.chown(directory, USER)
        with subprocess.Popen([_find(), str(settings)], user=identity, stderr=subprocess.DEVNULL) as pooler:
            try:
                _wait_for(port, pooler)
                yield server._replace(netloc=f"{USER}@127.0.0.1:{port}").geturl()
            finally:
                pooler.terminate()


def _wait_for(port: int, pooler: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        assert pooler.poll() is None, "pgbouncer has ended"
        try:
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"pgbouncer does not listen after {TIMEOUT_S:g} s"


def _find() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:{DEBIAN}")
    if found is None:
        raise FileNotFoundError("this needs pgbouncer: run `make pgbouncer`, or install it")
    return found
