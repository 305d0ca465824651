"""A node on SQLite in this process, whose clock for sources is moved by hand."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path

from perdure.session import EndpointSession
from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule, Subscription
from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node.node import Node
from perdure_runtime.partition.placement import Placement
from perdure_runtime.sources.port import SCHEDULE, SUBSCRIPTION
from perdure_runtime.sources.sources import Sources
from perdure_runtime.storage.sqlite import SqliteStorage
from perdure_runtime.storage.views import STATE, is_equal
from trial.v1 import CounterState

from tests.sources.counting import app

PATIENCE_S = 30.0
START_MS = 1_800_000_000_000
SERVED = Contracts.discovered(app.discovery())


class Room:
    """The node and its definitions. ``now_ms`` is what its sources take for the time."""

    def __init__(self, node: Node, storage: SqliteStorage, started: AsyncExitStack) -> None:
        self.node = node
        self.now_ms = START_MS
        self._storage = storage
        self._started = started

    async def sources(self) -> Sources:
        """Sources that have started; several of them take all partitions for theirs, as two nodes may for a while."""
        sources = Sources(
            self.node.router,
            self._storage,
            self.node.administration.survey,
            self._storage.placement,
            self.node.is_here,
            lambda: self.now_ms,
            self.node.metrics.sources,
        )
        await sources.start()
        self._started.push_async_callback(sources.close)
        return sources

    def define(self, definition: Schedule | Subscription) -> None:
        """Defines it, or changes it."""
        kind = SCHEDULE if isinstance(definition, Schedule) else SUBSCRIPTION
        self._storage.define(kind, definition.name, definition.SerializeToString())

    def remove(self, kind: str, name: str) -> None:
        """Removes what is defined."""
        self._storage.define(kind, name, None)

    def records(self, kind: str) -> dict[str, bytes]:
        """What sources have kept beside their marks."""
        return self._storage.definitions(kind)

    def told(self) -> dict[str, list[str]]:
        """What each counter was told, in order, as it is durable."""
        rows = self.node.administration.survey.scan(STATE, (is_equal("name", "last_reason"),), None, 10_000)
        found: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            key, value = row[STATE.place("key")], row[STATE.place("value")]
            assert isinstance(key, str)
            assert isinstance(value, bytes)
            found[key] = CounterState().parse(value).last_reason.split()
        return found

    async def until(self, seen: Callable[[], bool]) -> None:
        """Waits until something is to be seen."""
        while not seen():  # noqa: ASYNC110 - what it waits for is durable rows, which tell nobody
            await asyncio.sleep(0.02)

    async def until_told(self, key: str, reasons: list[str]) -> None:
        """Waits until a counter has been told so much, and sees that it was this."""
        await self.until(lambda: len(self.told()[key]) >= len(reasons))
        assert self.told()[key] == reasons


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story in a room of its own."""

    async def run(path: Path) -> None:
        async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as started:
            storage = SqliteStorage(path / "data.db", Placement(4))
            node = Node(storage)
            await node.start()
            started.push_async_callback(node.close)
            node.invoker.add(LocalTransport(lambda send: EndpointSession(app, send)), SERVED)
            await story(Room(node, storage, started))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
