"""Time in a test passes when nothing else can happen, or when the test says so."""

import time
from datetime import UTC, datetime, timedelta

import perdure
import pytest
from perdure.testing import NothingMoves, TestRuntime, durable
from trial.v1 import Text, TrialClient

from tests.testing.handlers import MONTH, Does, World, sleep_a_month


@durable
async def test_a_month_passes_in_an_instant_while_a_call_is_awaited() -> None:
    began = time.monotonic()
    async with TestRuntime(Does(first=sleep_a_month)) as runtime:
        reply = await TrialClient(runtime.client).first(Text())
        assert runtime.now == datetime(2026, 1, 1, tzinfo=UTC) + MONTH
    assert reply.text == runtime.now.isoformat()
    assert time.monotonic() - began < 5


@durable
async def test_no_time_passes_while_nothing_is_awaited() -> None:
    async with TestRuntime(Does(first=sleep_a_month)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())
        await runtime.settle()
        assert runtime.now == datetime(2026, 1, 1, tzinfo=UTC)
        assert await handle.output() is None


@durable
async def test_what_is_due_on_the_way_of_a_skip_happens_in_order_and_at_its_time() -> None:
    world = World()

    async def note(ctx: perdure.Context, text: str) -> str:
        return await ctx.run("note", world.do, f"{text} on {ctx.now():%d}")

    async with TestRuntime(Does(first=note)) as runtime:
        client = TrialClient(runtime.client)
        for days in (3, 1, 2, 9):
            await client.first.send(Text(text=str(days)), delay=timedelta(days=days))
        await runtime.skip(timedelta(days=7))
        assert runtime.now == datetime(2026, 1, 8, tzinfo=UTC)
    assert world.done == ["1 on 01", "2 on 01", "3 on 01"]


@durable
async def test_the_clock_stops_at_the_next_timer_when_asked_to() -> None:
    async with TestRuntime(Does(first=sleep_a_month)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text(), delay=timedelta(days=1))
        await runtime.skip_to_next_timer()
        assert (runtime.now - datetime(2026, 1, 1, tzinfo=UTC), await handle.output()) == (timedelta(days=1), None)
        await runtime.skip_to_next_timer()
        assert await handle.output() is not None
        with pytest.raises(perdure.UsageError, match="nothing waits for time"):
            await runtime.skip_to_next_timer()


@durable
async def test_a_clock_that_is_moved_by_hand_tells_how_far_the_next_timer_is() -> None:
    async with TestRuntime(Does(first=sleep_a_month), clock="manual") as runtime:
        client = TrialClient(runtime.client)
        with pytest.raises(NothingMoves, match=r"runtime.skip\(datetime.timedelta\(days=30\)\)"):
            await client.first(Text())
        handle = await client.first.send(Text())
        await runtime.skip(MONTH)
        assert await handle.attach() is not None


@durable
async def test_the_backoff_of_a_failing_handler_passes_in_an_instant_too() -> None:
    async def fail_five_times(ctx: perdure.Context, text: str) -> str:
        if ctx.attempt <= 5:
            raise ConnectionError("the shop is closed")
        return "open"

    async with TestRuntime(Does(first=fail_five_times)) as runtime:
        reply = await TrialClient(runtime.client).first(Text())
        assert reply.text == "open"
        assert runtime.now > datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


@durable
async def test_results_are_kept_for_the_whole_test_unless_it_is_about_retention() -> None:
    for retention in (False, True):
        async with TestRuntime(Does(), retention=retention) as runtime:
            handle = await TrialClient(runtime.client).first.send(Text(text="kept"))
            assert (await handle.attach()).text == "kept"
            await runtime.skip(timedelta(days=400))
            if retention:
                with pytest.raises(perdure.TerminalError, match="retention is over"):
                    await handle.attach()
            else:
                assert (await handle.attach()).text == "kept"


@durable
async def test_time_does_not_run_backwards() -> None:
    async with TestRuntime(Does()) as runtime:
        with pytest.raises(perdure.UsageError, match="backwards"):
            await runtime.skip(timedelta(days=-1))
