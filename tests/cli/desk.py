"""A node that the `perdure` command asks, in the test's own process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from perdure_runtime.admin.server import AdminServer
from perdure_runtime.cli.main import app
from typer.testing import CliRunner, Result

from tests.admin.administration import FakeAdministration


class Desk:
    """A node with its admin API, and the command."""

    def __init__(self, node: FakeAdministration, port: int) -> None:
        self.node = node
        self._port = port

    def perdure(self, *arguments: str) -> Result:
        """Runs `perdure`."""
        return CliRunner().invoke(app, [*arguments, "--admin", f"127.0.0.1:{self._port}"])

    def says(self, *arguments: str) -> list[str]:
        """What it prints."""
        ran = self.perdure(*arguments)
        assert ran.exit_code == 0, ran.output
        return ran.output.splitlines()


@contextmanager
def desk() -> Iterator[Desk]:
    """Serves the admin API in a thread of its own: the command runs an event loop itself."""
    node, started, port = FakeAdministration(), threading.Event(), 0
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        nonlocal port
        server = AdminServer(node, "127.0.0.1", 0)
        await server.start()
        port = server.port
        started.set()
        await stop.wait()
        await server.close(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(20)
    try:
        yield Desk(node, port)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
