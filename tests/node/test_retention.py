"""Ended invocations are forgotten when their retention is over, whatever happens to a commit."""

import asyncio

import pytest
from perdure_runtime.node import retention
from perdure_runtime.node.retention import sweep
from perdure_runtime.partition.input import Input, Purge
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.memory import MemoryStorage

from tests.storage.samples import ended, inserting, save


class Sweep:
    """A sweep over three ended invocations; what it offers is durable once it is flushed."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self.storage.acquire()
        save(self.storage, inserting(ended("inv_a", 10), ended("inv_b", 20), ended("inv_c", 30)))
        self.offered: list[str] = []
        self.flushes: list[int] = []
        self.failing = 0
        # Ended callees that cancelled callers wait for stay where they are.
        self.held: set[str] = set()
        self.flushed = asyncio.Event()

    def offer(self, input: Input) -> None:
        assert isinstance(input, Purge)
        self.offered.append(input.invocation_id)

    async def flush(self) -> None:
        await asyncio.sleep(0)
        if self.failing:
            self.failing -= 1
            raise StorageFailure("the disk is full")
        self.flushes.append(len(self.offered) - sum(self.flushes))
        save(self.storage, Writes(purged=set(self.offered) - self.held))
        self.flushed.set()

    async def run(self, now_ms: int) -> None:
        """Sweeps at a time of the test's until nothing is left to be forgotten."""
        task = asyncio.create_task(sweep(self.storage, self.offer, self.flush, lambda: now_ms))
        while self.storage.expired(now_ms, 1):
            self.flushed.clear()
            await self.flushed.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_those_whose_retention_is_over_are_purged() -> None:
    async def story() -> None:
        swept = Sweep()
        await swept.run(20)
        assert swept.offered == ["inv_a", "inv_b"]

    asyncio.run(story())


def test_a_commit_that_fails_does_not_end_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "EVERY_S", 0)

    async def story() -> None:
        swept = Sweep()
        swept.failing = 2
        await swept.run(10)
        assert swept.offered == ["inv_a"] * 3

    asyncio.run(story())


def test_a_backlog_is_purged_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAGE", 2)

    async def story() -> None:
        swept = Sweep()
        await swept.run(30)
        assert swept.flushes == [2, 1]

    asyncio.run(story())


def test_a_page_of_which_nothing_can_be_forgotten_yet_is_looked_at_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAGE", 2)

    async def story() -> None:
        swept = Sweep()
        swept.held = {"inv_a", "inv_b"}
        task = asyncio.create_task(sweep(swept.storage, swept.offer, swept.flush, lambda: 30))
        for _ in range(50):
            await asyncio.sleep(0)
        assert swept.offered == ["inv_a", "inv_b"] * 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
