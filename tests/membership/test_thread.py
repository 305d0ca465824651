"""Calls that block do so elsewhere."""

import asyncio
import threading

import pytest
from perdure_runtime.membership.thread import OwnThread


def test_all_calls_are_made_in_one_thread_that_is_not_the_loops() -> None:
    async def call() -> set[int]:
        thread = OwnThread()
        try:
            return set(await asyncio.gather(*(thread.run(threading.get_ident) for _ in range(8))))
        finally:
            thread.close()

    threads = asyncio.run(call())
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_what_a_call_raises_is_raised() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    async def call() -> None:
        thread = OwnThread()
        try:
            await thread.run(fail)
        finally:
            thread.close()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(call())
