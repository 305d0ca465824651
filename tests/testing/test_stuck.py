"""A test that would wait for ever is told what everybody waits for."""

import asyncio
from datetime import timedelta

import perdure
import pytest
from perdure.testing import NothingMoves, TestRuntime, durable
from trial.v1 import (
    AddRequest,
    CounterClient,
    CounterContext,
    CounterHandlers,
    CounterState,
    QuestClient,
    QuestRequest,
    Text,
    TrialClient,
)

from tests.testing.handlers import Does, Questing


async def await_payment(ctx: perdure.Context, text: str) -> str:
    """Waits for somebody outside, who is told how."""
    payment = ctx.awakeable(Text)
    await ctx.run("ask for it", str, payment.id)
    return (await payment).text


async def await_approval(ctx: perdure.Context, text: str) -> str:
    """Waits for a signal."""
    return (await ctx.signal("approved", Text)).text


@durable
async def test_an_awakeable_that_nobody_resolves_is_named_with_the_way_to_resolve_it() -> None:
    async with TestRuntime(Does(first=await_payment)) as runtime:
        with pytest.raises(NothingMoves, match=r"client.resolve_awakeable\('awk_.*', trial.v1.Text\)"):
            await TrialClient(runtime.client).first(Text())


@durable
async def test_a_signal_and_a_promise_that_never_come_are_named() -> None:
    async with TestRuntime(Does(first=await_approval), Questing()) as runtime:
        with pytest.raises(NothingMoves, match=r"handle.signal\('approved', trial.v1.Text\)"):
            await TrialClient(runtime.client).first(Text())
        with pytest.raises(NothingMoves, match="waits for promise 'answer' of its workflow"):
            await QuestClient(runtime.client, "grail").run(QuestRequest())


@durable
async def test_what_the_test_does_meanwhile_is_waited_for() -> None:
    async with TestRuntime(Does(first=await_approval)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())

        async def approve_later() -> None:
            await asyncio.sleep(0.02)
            await handle.signal("approved", Text(text="yes"))

        result, _ = await asyncio.gather(handle.attach(), approve_later())
    assert result.text == "yes"


@durable
async def test_a_step_that_does_not_return_is_named() -> None:
    released = asyncio.Event()

    async def hang(ctx: perdure.Context, text: str) -> str:
        await ctx.run("charge", released.wait)
        return text

    async with TestRuntime(Does(first=hang), patience=timedelta(seconds=0.2)) as runtime:
        with pytest.raises(NothingMoves, match="runs the step 'charge', which has not returned"):
            await TrialClient(runtime.client).first(Text())


@durable
async def test_a_handler_that_awaits_nothing_durable_is_named() -> None:
    released = asyncio.Event()

    async def hang(ctx: perdure.Context, text: str) -> str:
        await released.wait()
        return text

    async with TestRuntime(Does(first=hang), patience=timedelta(seconds=0.2)) as runtime:
        with pytest.raises(NothingMoves, match="awaits something that is not durable"):
            await TrialClient(runtime.client).first(Text())


@durable
async def test_a_handler_that_never_gets_to_its_end_is_given_up() -> None:
    async def poll_for_ever(ctx: perdure.Context, text: str) -> str:
        while True:
            await ctx.sleep(timedelta(hours=1))

    async with TestRuntime(Does(first=poll_for_ever), patience=timedelta(seconds=0.2)) as runtime:
        with pytest.raises(NothingMoves, match=r"nothing has come of it in 0.2 s.*\n.*sleep 1 hour"):
            await TrialClient(runtime.client).first(Text())


@durable
async def test_who_is_queued_behind_whom_is_told() -> None:
    class Blocked(CounterHandlers):
        async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
            await ctx.awakeable(Text)
            return CounterState()

    async with TestRuntime(Blocked()) as runtime:
        counter = CounterClient(runtime.client, "c")
        first = await counter.add.send(AddRequest())
        with pytest.raises(NothingMoves, match=f"is queued: {first.invocation_id} is the one writer of the key"):
            await counter.add(AddRequest())


@durable
async def test_a_service_that_the_test_does_not_serve_is_told_with_those_that_it_does() -> None:
    async with TestRuntime(Does(), Questing()) as runtime:
        with pytest.raises(perdure.UsageError, match=r"it serves trial\.v1\.Trial, trial\.v1\.Quest"):
            await CounterClient(runtime.client, "c").add(AddRequest())
