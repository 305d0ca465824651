"""Journals and state, as a test looks at them."""

import uuid

import perdure
import pytest
from perdure.testing import TestRuntime, durable
from trial.v1 import AddRequest, CounterClient, CounterState, Text, TrialClient

from tests.testing.handlers import Counting, Does, World, buy, count

BOUGHT = """\
trial.v1.Trial/First {"text": "tea"}
  0 run 'charge'
  1   result of run 'charge': "charge tea"
  2 sleep 30 days
  3   result of sleep 30 days: done (after 30 days)
  4 run 'ship'
  5   result of run 'ship': "ship tea" (after 30 days)
  = {"text": "ship tea"} (after 30 days)"""


@durable
async def test_a_journal_reads_the_same_in_every_run() -> None:
    for always_replay in (False, True):
        async with TestRuntime(Does(first=buy(World())), always_replay=always_replay) as runtime:
            handle = await TrialClient(runtime.client).first.send(Text(text="tea"))
            await handle.attach()
            assert str(await runtime.journal(handle.invocation_id)) == BOUGHT


@durable
async def test_ids_in_a_journal_are_numbered() -> None:
    async def draw(ctx: perdure.Context, text: str) -> str:
        drawn = await ctx.run("draw", lambda: [str(uuid.uuid4()) for _ in range(2)])
        await ctx.run("sort", lambda ids: ids[::-1], drawn)
        return text

    async with TestRuntime(Does(first=draw)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())
        await handle.attach()
        text = str(await runtime.journal(handle.invocation_id))
    assert 'result of run \'draw\': ["uuid_1", "uuid_2"]' in text
    assert 'result of run \'sort\': ["uuid_2", "uuid_1"]' in text


@durable
async def test_steps_and_commands_are_asserted_by_name_and_in_order() -> None:
    async with TestRuntime(Does(first=buy(World()))) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())
        await handle.attach()
        journal = await runtime.journal(handle.invocation_id)
    journal.assert_steps("charge", "ship")
    journal.assert_commands(["run 'charge'", "sleep 30 days", "run 'ship'"])
    journal.assert_has("sleep 30 days")
    with pytest.raises(AssertionError, match=r"the steps are \['charge', 'ship'\], not \['ship'\]\ntrial"):
        journal.assert_steps("ship")
    with pytest.raises(AssertionError, match="the commands are"):
        journal.assert_commands([])
    with pytest.raises(AssertionError, match="no command is 'sleep 1 day'"):
        journal.assert_has("sleep 1 day")


@durable
async def test_all_journals_come_in_the_order_in_which_the_invocations_were_made() -> None:
    async with TestRuntime(Does(first=count), Counting()) as runtime:
        await TrialClient(runtime.client).first(Text(text="c"))
        caller, counter = await runtime.journals()
    assert caller.commands == ["call trial.v1.Counter/Add 'c'"]
    assert counter.commands[-2:] == ["set value", "set last_reason"]


@durable
async def test_state_comes_as_its_message() -> None:
    async with TestRuntime(Counting()) as runtime:
        counter = CounterClient(runtime.client, "c")
        await counter.add(AddRequest(reason="one"))
        await counter.add(AddRequest(reason="two"))
        assert await runtime.state(CounterState, "c") == CounterState(value=2, last_reason="two")
        assert await runtime.state(CounterState, "c", service=CounterClient) == CounterState(value=2, last_reason="two")
        assert await runtime.state(CounterState, "never written") == CounterState()


@durable
async def test_state_that_no_service_has_is_refused() -> None:
    async with TestRuntime(Counting()) as runtime:
        with pytest.raises(perdure.UsageError, match="Text is the state of no service in this test"):
            await runtime.state(Text, "c")
        with pytest.raises(perdure.UsageError, match=r"shop\.v1\.Till has no state CounterState"):
            await runtime.state(CounterState, "c", service="shop.v1.Till")
