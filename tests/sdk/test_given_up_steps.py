"""Steps of a cancelled invocation: what has not begun never does, what runs is let end, and nothing is tried again."""

import asyncio
from datetime import timedelta

import pytest
from perdure import CancelledInvocation, Context, RetryPolicy, Saga, StatusCode, UsageError, interruptible

from tests.sdk.contract import Word
from tests.sdk.node import Node, cancelled, play, ran

PATIENT = RetryPolicy(initial_interval=timedelta(hours=1))


def test_a_step_that_runs_is_let_end_and_its_result_is_not_lost() -> None:
    end = asyncio.Event()

    async def charge() -> str:
        await end.wait()
        return "payment"

    async def do(ctx: Context, request: Word) -> Word:
        async with Saga(ctx) as saga:
            payment = await ctx.run("charge", charge)
            saga.compensate("refund", print, payment)
            await ctx.sleep(timedelta(seconds=1))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        await node.silence()
        node.cancel()
        await node.silence()
        end.set()
        assert (await node.entry()).completion.HasField("value")
        node.accept(0)
        assert (await node.entry()).HasField("sleep")
        assert await node.entry() == ran("refund")
        await node.step(2)
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)


def test_a_step_that_waits_for_its_next_try_ends_without_it() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        def fail() -> None:
            raise ValueError("timeout")

        with pytest.raises(CancelledInvocation):
            await ctx.run("charge", fail, retry=PATIENT)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        assert (await node.entry()).HasField("step_failure")
        node.cancel()
        assert (await node.entry()).completion.failure.code == StatusCode.CANCELLED.value
        node.accept(0)
        await node.result()

    play(do, story)


def test_an_interruptible_step_is_cancelled_with_its_invocation() -> None:
    broken_off: list[str] = []

    async def ask(what: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.append(what)

    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(CancelledInvocation):
            await ctx.run("ask", interruptible(ask), "price")
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        await node.silence()
        node.cancel()
        assert (await node.entry()).completion.failure.code == StatusCode.CANCELLED.value
        assert broken_off == ["price"]
        node.accept(0)
        await node.result()

    play(do, story)


def test_an_interruptible_step_that_is_cancelled_before_its_first_turn_ends_too() -> None:
    async def ask() -> None:
        raise AssertionError("it never begins")

    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(CancelledInvocation):
            await ctx.run("ask", interruptible(ask))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        # Both in one turn of the loop.
        node.grant(0)
        node.cancel()
        assert (await node.entry()).completion.failure.code == StatusCode.CANCELLED.value
        node.accept(0)
        await node.result()

    play(do, story)


def test_only_an_async_function_is_interruptible() -> None:
    with pytest.raises(UsageError, match="takes an async function"):
        interruptible(print)  # type: ignore[arg-type]  # mypy says so too


def test_a_step_that_the_handler_asks_for_under_a_shield_runs() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with ctx.shield():
            text = await ctx.run("kept", lambda: "kept")
        return Word(text=text)

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.cancel()
        await node.step(0)
        assert (await node.result()).text == "kept"

    play(do, story)


def test_where_the_contract_says_explicit_no_step_is_given_up() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=await ctx.run("kept", lambda: "kept"))

    async def story(node: Node) -> None:
        node.start(explicit_cancellation=True)
        await node.entry()
        node.cancel()
        await node.step(0)
        assert (await node.result()).text == "kept"

    play(do, story)


def test_a_replayed_step_that_is_open_when_it_finds_its_invocation_cancelled_is_given_up_even_if_it_is_granted() -> (
    None
):
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("never", pytest.fail, "it ran")
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("never"), cancelled()], attempt=2)
        node.grant(0)
        assert (await node.entry()).completion.failure.code == StatusCode.CANCELLED.value
        node.accept(0)
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)


def test_the_cancellation_is_raised_where_a_step_was_given_up_and_not_again_where_the_handler_undoes_the_rest() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(CancelledInvocation):
            await ctx.run("never", pytest.fail, "it ran")
        return Word(text=await ctx.run("undo", lambda: "undone"))

    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry()]
        node.cancel()
        journal += [cancelled(), await node.entry()]
        node.accept(0)
        journal += [await node.entry(), await node.step(1)]
        assert (await node.result()).text == "undone"
        node.start(slot=2, journal=journal, attempt=2)
        assert (await node.result()).text == "undone"

    play(do, story)
