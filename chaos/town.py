"""The cluster of a run: PostgreSQL, nodes and endpoints, each a process, and links between them that can be cut."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perdure_runtime.admin.client import AdminClient

from chaos import ledger
from chaos.database import Database, running_database
from chaos.faults import Setting
from chaos.proxy import Link
from examples.demo.processes import Died, Service, free_port

APP = "chaos.app:app"
# How often somebody looks whether a process has ended by itself.
LOOK_S = 0.2
START_TIMEOUT_S = 60.0


@dataclass
class Member:
    """A node or an endpoint: a process that things happen to."""

    service: Service
    # Whether it should run: what ends by itself is started again, as a supervisor of services would.
    wanted: bool = True
    # Held while the process starts: it has to be up before something happens to it.
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def runs(self) -> bool:
        """Whether the process is there, paused or not."""
        process = self.service.process
        return process is not None and process.poll() is None

    async def kill(self) -> None:
        """SIGKILL, once it is up."""
        async with self.starting:
            self.wanted = False
            if self.runs:
                self.service.kill()

    async def stop(self) -> None:
        """SIGTERM, once it is up, and waits for its end."""
        async with self.starting:
            self.wanted = False
            await asyncio.to_thread(self.service.stop)

    async def pause(self) -> None:
        """SIGSTOP, once it is up."""
        async with self.starting:
            if self.runs:
                os.kill(self.service.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        if self.runs:
            os.kill(self.service.pid, signal.SIGCONT)

    async def start(self) -> None:
        """Starts it, again and again until it listens: what it needs may be away."""
        self.wanted = True
        deadline = time.monotonic() + START_TIMEOUT_S
        async with self.starting:
            while not self.runs:
                try:
                    await asyncio.to_thread(self.service.start)
                except Died:
                    if self.runs:
                        self.service.kill()
                    if time.monotonic() > deadline:
                        raise


@dataclass
class Node(Member):
    """A runtime node."""

    ingress: str = ""
    admin_port: int = 0
    to_database: Link = field(default_factory=lambda: Link(0))
    from_peers: Link = field(default_factory=lambda: Link(0))


@dataclass
class EndpointProcess(Member):
    """A process that serves handlers."""

    from_nodes: Link = field(default_factory=lambda: Link(0))


@dataclass
class Town:
    """All of it."""

    database: Database
    nodes: list[Node]
    endpoints: list[EndpointProcess]
    # Processes that ended although nobody touched them, by name.
    ended: list[str] = field(default_factory=list)

    async def look_after(self) -> None:
        """Starts again what ends by itself, until it is cancelled."""
        while True:
            for member in (*self.nodes, *self.endpoints):
                if member.wanted and not member.runs and not member.starting.locked():
                    self.ended.append(member.service.name)
                    await member.start()
            await asyncio.sleep(LOOK_S)

    async def register(self) -> None:
        """Tells the cluster about its endpoints."""
        admin = AdminClient("127.0.0.1", self.nodes[0].admin_port)
        await admin.register(*(f"127.0.0.1:{endpoint.from_nodes.port}" for endpoint in self.endpoints))


@asynccontextmanager
async def running_town(directory: Path, setting: Setting) -> AsyncIterator[Town]:
    """Starts everything with its logs in a directory, and ends it."""
    async with AsyncExitStack() as stack:
        database = stack.enter_context(running_database(directory))
        endpoints = [
            await stack.enter_async_context(_endpoint(directory, number)) for number in range(setting.endpoints)
        ]
        nodes = [
            await stack.enter_async_context(_node(directory, number, database, setting))
            for number in range(setting.nodes)
        ]
        town = Town(database, nodes, endpoints)
        # The load meets a cluster whose nodes know each other.
        await asyncio.to_thread(database.wait_for_owners, setting.nodes)
        await town.register()
        looking = asyncio.create_task(town.look_after())
        try:
            yield town
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


@asynccontextmanager
async def _endpoint(directory: Path, number: int) -> AsyncIterator[EndpointProcess]:
    port = free_port()
    async with Link(port) as from_nodes:
        name = f"endpoint-{number}"
        arguments = ["serve", APP, "--listen", f"127.0.0.1:{port}"]
        environment = {ledger.VARIABLE: str(directory / "ledger.jsonl")}
        service = Service(name, arguments, port, directory / f"{name}.log", environment)
        endpoint = EndpointProcess(service, from_nodes=from_nodes)
        await endpoint.start()
        try:
            yield endpoint
        finally:
            await _end(endpoint)


@asynccontextmanager
async def _node(directory: Path, number: int, database: Database, setting: Setting) -> AsyncIterator[Node]:
    ingress, admin, peer = free_port(), free_port(), free_port()
    async with Link(database.port) as to_database, Link(peer) as from_peers:
        name = f"node-{number}"
        arguments = [
            *("up", "--data", str(directory / name), "--storage", database.url(to_database.port)),
            *("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"),
        ]
        if setting.nodes > 1:
            arguments += ("--peer", f"127.0.0.1:{peer}", "--advertise", f"127.0.0.1:{from_peers.port}")
            arguments += ("--lease", f"{setting.lease_s:g}")
        service = Service(name, arguments, ingress, directory / f"{name}.log")
        node = Node(
            service,
            ingress=f"127.0.0.1:{ingress}",
            admin_port=admin,
            to_database=to_database,
            from_peers=from_peers,
        )
        await node.start()
        try:
            yield node
        finally:
            await _end(node)


async def _end(member: Member) -> None:
    member.go_on()
    await member.stop()
