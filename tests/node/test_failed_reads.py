"""Reads that fail, again and again: what could not be decided is said so, and nothing that sleeps is forgotten."""

import asyncio

import pytest
from load.v1 import Nap
from perdure import codec
from perdure.session import EndpointSession
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import NotAccepted, Submission
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node import share as share_module
from perdure_runtime.node.node import Node
from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.view import Document, JournalDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.memory import MemoryStorage

from bench.app import app

START_MS = 1_700_000_000_000
NAP = Submission("load.v1.LoadService", "Sleep", "", codec.encode(Nap(duration_ms=3_600_000)))


class Worn(MemoryStorage):
    """A storage whose journals cannot be read so many times."""

    failures = 0

    def load(self, document: Document) -> Content:
        if self.failures and isinstance(document, JournalDocument):
            self.failures -= 1
            raise StorageFailure("input/output error")
        return super().load(document)


class Clock:
    """A clock that the test sets."""

    now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


class Disk:
    """Commits, until it stands still."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.stands_still = False
        self._storage = storage

    async def commit(self, writes: Writes) -> None:
        """Returns when the writes are durable."""
        if self.stands_still:
            await asyncio.Event().wait()
        self._storage.stage(writes)
        self._storage.commit()

    def close(self) -> None:
        """Nothing to wait for."""


async def asleep(storage: Worn, clock: Clock, disk: Disk | None = None) -> tuple[Node, str]:
    """A node with one invocation that sleeps."""
    node = Node(storage, clock_ms=clock, committer=disk)
    await node.start()
    transport = LocalTransport(lambda send: EndpointSession(app, send))
    node.invoker.add(transport, Contracts.discovered(app.discovery()))
    invocation_id = await node.router.submit(NAP)
    async with asyncio.timeout(20):
        while not node.invoker.idle:  # noqa: ASYNC110  # Nothing tells when the last attempt has left.
            await asyncio.sleep(0)
    await node.loop.flush()
    return node, invocation_id


def test_a_sleep_ends_though_its_timer_could_not_be_handled_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_module, "AGAIN_S", 0.01)

    async def story() -> None:
        storage, clock = Worn(), Clock()
        node, invocation_id = await asleep(storage, clock)
        storage.failures = 2
        clock.now_ms += 3_600_000
        async with asyncio.timeout(20):
            await node.router.attach(invocation_id)
        assert storage.failures == 0
        await node.close()

    asyncio.run(story())


def test_a_cancellation_that_could_not_be_decided_is_not_confirmed() -> None:
    async def story() -> None:
        storage = Worn()
        node, invocation_id = await asleep(storage, Clock())
        for _ in range(2):
            storage.failures = 1
            with pytest.raises(NotAccepted, match="input/output error"):
                await node.router.cancel(invocation_id)
            async with asyncio.timeout(20):
                while node.loop.fault:  # noqa: ASYNC110  # The partition is loaded again.
                    await asyncio.sleep(0.01)
        await node.router.cancel(invocation_id)
        async with asyncio.timeout(20):
            ended = await node.router.attach(invocation_id)
        assert ended.outcome.failure.code == 1
        await node.close()

    asyncio.run(story())


def test_who_waits_for_a_cancellation_hears_that_the_node_stops() -> None:
    async def story() -> None:
        storage = Worn()
        disk = Disk(storage)
        node, invocation_id = await asleep(storage, Clock(), disk)
        disk.stands_still = True
        cancelling = asyncio.create_task(node.router.cancel(invocation_id))
        await asyncio.sleep(0)
        await node.close()
        with pytest.raises(NotAccepted, match="the node stops"):
            await cancelling

    asyncio.run(story())
