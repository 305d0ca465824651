"""Runs of sync steps that outlive their attempt: the next attempt takes them over."""

import asyncio
import threading

import pytest
from perdure.threads import StepThreads


class Slow:
    """A function that ends when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = threading.Event()
        self.end = threading.Event()

    def __call__(self) -> int:
        self.begun += 1
        self.running.set()
        assert self.end.wait(10)
        return self.begun


async def left(threads: StepThreads, slow: Slow) -> None:
    """An attempt begins a run and leaves it."""
    attempt = asyncio.create_task(threads.run("inv_1", 0, slow))
    await asyncio.to_thread(slow.running.wait, 10)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt


def test_the_next_attempt_takes_over_a_run_that_goes_on() -> None:
    async def story() -> None:
        threads, slow = StepThreads(), Slow()
        await left(threads, slow)
        again = asyncio.create_task(threads.run("inv_1", 0, slow))
        slow.end.set()
        assert await again == 1
        assert slow.begun == 1

    asyncio.run(story())


def test_the_result_of_a_run_that_has_ended_meanwhile_is_taken_over_once() -> None:
    async def story() -> None:
        threads, slow = StepThreads(), Slow()
        await left(threads, slow)
        slow.end.set()
        assert await threads.run("inv_1", 0, slow) == 1
        assert await threads.run("inv_1", 0, slow) == 2

    asyncio.run(story())


def test_another_step_is_another_run() -> None:
    async def story() -> None:
        threads, slow = StepThreads(), Slow()
        await left(threads, slow)
        slow.end.set()
        assert await threads.run("inv_1", 1, slow) == 2
        assert await threads.run("inv_2", 0, slow) == 3

    asyncio.run(story())


def test_a_run_that_failed_is_begun_again() -> None:
    async def story() -> None:
        threads, tries = StepThreads(), []

        def fail() -> None:
            tries.append(1)
            raise ValueError("no answer")

        for _ in range(2):
            with pytest.raises(ValueError, match="no answer"):
                await threads.run("inv_1", 0, fail)
        assert len(tries) == 2

    asyncio.run(story())
