"""Virtual time passes when nothing else happens, and only then."""

import asyncio
import time

import pytest

from tests.simulation import loop


def test_an_hour_of_waiting_takes_no_time() -> None:
    async def wait() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    began_s = time.monotonic()
    assert loop.run(wait()) == pytest.approx(3600)
    assert time.monotonic() - began_s < 5


def test_timers_fire_in_their_order() -> None:
    async def wait() -> list[int]:
        order: list[int] = []

        async def one(number: int) -> None:
            await asyncio.sleep(number / 10)
            order.append(number)

        await asyncio.gather(one(3), one(1), one(2))
        return order

    assert loop.run(wait()) == [1, 2, 3]


def test_waiting_for_what_never_comes_is_an_error() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(loop.Quiet):
        loop.run(wait())


def test_turning_for_ever_without_time_passing_is_an_error() -> None:
    def turn() -> None:
        asyncio.get_running_loop().call_soon(turn)

    async def wait() -> None:
        turn()
        await asyncio.Event().wait()

    with pytest.raises(loop.Livelock):
        loop.run(wait())


def test_what_is_left_running_is_cancelled() -> None:
    cancelled: list[bool] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def leave() -> None:
        task = asyncio.create_task(linger())
        await asyncio.sleep(0)
        assert not task.done()

    loop.run(leave())
    assert cancelled == [True]


def test_callbacks_of_a_frozen_group_run_once_it_is_thawed() -> None:
    async def live() -> list[str]:
        now = asyncio.get_running_loop()
        assert isinstance(now, loop.VirtualLoop)
        heard: list[str] = []

        async def tick(name: str) -> None:
            for number in range(3):
                await asyncio.sleep(1)
                heard.append(f"{name}{number} at {now.time():g}")

        group = loop.Group("frozen")
        ticking = [group.task(tick("frozen ")), asyncio.create_task(tick("other "))]
        await asyncio.sleep(1.5)
        now.freeze(group)
        await asyncio.sleep(1)
        now.thaw(group)
        await asyncio.gather(*ticking)
        return heard

    assert loop.run(live()) == [
        "frozen 0 at 1",
        "other 0 at 1",
        "other 1 at 2",
        "frozen 1 at 2.5",
        "other 2 at 3",
        "frozen 2 at 3.5",
    ]
