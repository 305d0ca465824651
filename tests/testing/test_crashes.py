"""Crashes that a test orders, at one place of a journal or at every one."""

import asyncio
import re
from datetime import timedelta

import perdure
import pytest
from perdure.testing import TestRuntime, crash_everywhere, durable
from trial.v1 import Text, TrialClient

from tests.testing.handlers import MONTH, Counting, Does, World, buy, count


@durable
async def test_a_crash_before_the_result_of_a_step_is_durable_repeats_the_step() -> None:
    world = World()
    async with TestRuntime(Does(first=buy(world))) as runtime:
        runtime.fail_before(step="charge")
        await TrialClient(runtime.client).first(Text(text="tea"))
    assert world.done == ["charge tea", "charge tea", "ship tea"]


@durable
async def test_a_crash_after_the_result_of_a_step_is_durable_does_not() -> None:
    world = World()
    async with TestRuntime(Does(first=buy(world))) as runtime:
        runtime.fail_after(step="charge")
        await TrialClient(runtime.client).first(Text(text="tea"))
    assert world.done == ["charge tea", "ship tea"]


@durable
async def test_an_entry_is_named_by_its_place_in_the_journal() -> None:
    for entry, charged in ((0, 1), (1, 2), (2, 1), (3, 1)):
        world = World()
        async with TestRuntime(Does(first=buy(world))) as runtime:
            runtime.fail_before(entry=entry)
            handle = await TrialClient(runtime.client).first.send(Text(text="tea"))
            await handle.attach()
            (await runtime.journal(handle.invocation_id)).assert_steps("charge", "ship")
        assert world.done == ["charge tea"] * charged + ["ship tea"]


@durable
async def test_a_crash_can_be_ordered_for_one_invocation_alone() -> None:
    world = World()
    async with TestRuntime(Does(first=buy(world))) as runtime:
        client = TrialClient(runtime.client)
        await client.first.send(Text(text="tea"))
        await runtime.skip(timedelta(days=1))
        handle = await client.first.send(Text(text="cake"))
        runtime.fail_before(step="ship", invocation=handle.invocation_id)
        await runtime.skip(MONTH)
    assert world.done == ["charge tea", "charge cake", "ship tea", "ship cake", "ship cake"]


@durable
async def test_a_crash_comes_once() -> None:
    world = World()
    async with TestRuntime(Does(first=buy(world))) as runtime:
        runtime.fail_before(kind="sleep")
        client = TrialClient(runtime.client)
        await client.first(Text(text="tea"))
        await client.first(Text(text="cake"))
    assert world.done == ["charge tea", "ship tea", "charge cake", "ship cake"]


@durable
async def test_everywhere_is_before_and_after_each_entry_of_each_journal() -> None:
    runs: list[list[str]] = []

    async def scenario() -> None:
        world = World()
        runs.append(world.done)

        async def body(ctx: perdure.Context, text: str) -> str:
            await ctx.run("charge", world.do, "charge")
            return await count(ctx, text)

        async with TestRuntime(Does(first=body), Counting()) as runtime:
            assert (await TrialClient(runtime.client).first(Text(text="c"))).text == "1"

    crashes = await crash_everywhere(scenario)
    assert crashes[:4] == [
        "before entry 0 of trial.v1.Trial/First (run 'charge')",
        "after entry 0 of trial.v1.Trial/First (run 'charge')",
        "before entry 1 of trial.v1.Trial/First (result of run 'charge')",
        "after entry 1 of trial.v1.Trial/First (result of run 'charge')",
    ]
    # Four entries of the caller; the counter reads its state, and sets two names of it.
    assert len(crashes) == 2 * (4 + 3)
    assert len(runs) == 1 + len(crashes)
    # The step runs again when its result is lost, and with nothing that comes after it.
    assert [len(done) for done in runs] == [1, 1, 1, 2, *[1] * (len(crashes) - 3)]


@durable
async def test_the_crash_that_a_scenario_does_not_survive_is_named() -> None:
    async def scenario() -> None:
        world = World()
        async with TestRuntime(Does(first=buy(world))) as runtime:
            await TrialClient(runtime.client).first(Text(text="tea"))
        assert world.done == ["charge tea", "ship tea"]

    with pytest.raises(AssertionError) as raised:
        await crash_everywhere(scenario)
    assert raised.value.__notes__ == [
        "with a crash before entry 1 of trial.v1.Trial/First (result of run 'charge')",
    ]


@durable
async def test_a_scenario_that_differs_from_run_to_run_proves_nothing() -> None:
    texts = iter(["tea", "cake", "cake"])

    async def scenario() -> None:
        text = next(texts)

        async def body(ctx: perdure.Context, _: str) -> str:
            return await ctx.run("charge", str, text) if text == "tea" else text

        async with TestRuntime(Does(first=body)) as runtime:
            await TrialClient(runtime.client).first(Text())

    with pytest.raises(AssertionError, match="differs from run to run"):
        await crash_everywhere(scenario)


@durable
async def test_a_scenario_opens_one_runtime() -> None:
    async def none() -> None:
        await asyncio.sleep(0)

    async def two() -> None:
        for _ in range(2):
            async with TestRuntime(Does()):
                pass

    with pytest.raises(perdure.UsageError, match="opens none"):
        await crash_everywhere(none)
    with pytest.raises(perdure.UsageError, match="opens several"):
        await crash_everywhere(two)


@durable
async def test_a_crash_says_where_it_is() -> None:
    async with TestRuntime(Does()) as runtime:
        with pytest.raises(perdure.UsageError, match=re.escape('step="charge"')):
            runtime.fail_before()
        with pytest.raises(perdure.UsageError, match="no journal entry is of kind 'sleeping'"):
            runtime.fail_after(kind="sleeping")
