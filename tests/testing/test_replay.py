"""With ``always_replay`` a handler sees each result in a replay of all that came before."""

import asyncio
import itertools

import perdure
import pytest
from perdure.testing import TestRuntime, durable
from trial.v1 import Text, TrialClient

from tests.testing.handlers import Body, Counting, Does, World, buy, count


def differs_between_attempts() -> Body:
    """A handler with a bug: a global counter decides what its second step is."""
    numbers = itertools.count()

    async def body(ctx: perdure.Context, text: str) -> str:
        number = next(numbers)
        await ctx.run("charge", str, 1)
        return await ctx.run(f"reserve {number}", str, 2)

    return body


@durable
async def test_code_that_does_not_repeat_itself_raises_both_sides_out_of_the_call() -> None:
    async with TestRuntime(Does(first=differs_between_attempts()), always_replay=True) as runtime:
        with pytest.raises(perdure.JournalMismatch) as raised:
            await TrialClient(runtime.client).first(Text())
    mismatch = raised.value
    assert (mismatch.index, mismatch.recorded, mismatch.replayed) == (2, "run 'reserve 1'", "run 'reserve 2'")


@durable
async def test_the_same_bug_stays_hidden_while_nothing_is_replayed() -> None:
    async with TestRuntime(Does(first=differs_between_attempts())) as runtime:
        assert (await TrialClient(runtime.client).first(Text())).text == "2"


@durable
async def test_a_mismatch_of_a_handler_that_a_handler_called_is_raised_too() -> None:
    async def call_the_other(ctx: perdure.Context, text: str) -> str:
        return (await TrialClient(ctx).first(Text())).text

    handlers = Does(first=differs_between_attempts(), second=call_the_other)
    async with TestRuntime(handlers, always_replay=True) as runtime:
        with pytest.raises(perdure.JournalMismatch, match="reserve"):
            await TrialClient(runtime.client).second(Text())


@durable
async def test_a_mismatch_that_nobody_awaits_is_raised_at_the_end_of_the_test() -> None:
    async def send_and_look_away() -> None:
        async with TestRuntime(Does(first=differs_between_attempts()), always_replay=True) as runtime:
            await TrialClient(runtime.client).first.send(Text())
            await runtime.settle()

    with pytest.raises(perdure.JournalMismatch, match="reserve"):
        await send_and_look_away()


@durable
async def test_each_result_is_seen_by_a_new_attempt() -> None:
    attempts: list[int] = []

    async def note_attempts(ctx: perdure.Context, text: str) -> str:
        await ctx.run("one", str, 1)
        attempts.append(ctx.attempt)
        await count(ctx, "c")
        attempts.append(ctx.attempt)
        return text

    async with TestRuntime(Does(first=note_attempts), Counting(), always_replay=True) as runtime:
        await TrialClient(runtime.client).first(Text())
    assert len(set(attempts)) == 2
    assert attempts[0] == 2


@durable
async def test_steps_run_once_all_the_same() -> None:
    world = World()
    async with TestRuntime(Does(first=buy(world)), always_replay=True) as runtime:
        await TrialClient(runtime.client).first(Text(text="tea"))
    assert world.done == ["charge tea", "ship tea"]


@durable
async def test_steps_side_by_side_run_once_too() -> None:
    world = World()

    async def slowly(name: str) -> str:
        await asyncio.sleep(0.01 * len(name))
        return world.do(name)

    async def side_by_side(ctx: perdure.Context, text: str) -> str:
        names = ("a", "bbb", "cc")
        return "".join(await perdure.gather(*(ctx.run(name, slowly, name) for name in names)))

    async with TestRuntime(Does(first=side_by_side), always_replay=True) as runtime:
        assert (await TrialClient(runtime.client).first(Text())).text == "abbbcc"
    assert world.done == ["a", "cc", "bbb"]
