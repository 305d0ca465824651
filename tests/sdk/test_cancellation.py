"""A cancelled invocation hears of it once, where it waits, at the place that the journal says; then it works on."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from datetime import timedelta

import perdure
import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure import CancelledInvocation, Context, StatusCode, TerminalError, codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import Node, cancelled, completed, done, play, ran, slept

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def ran_again() -> str:
    """A step that has a result already."""
    raise AssertionError("it ran again")


async def one(ctx: Context) -> None:
    """A wait of its own."""
    await ctx.sleep(SECOND)


async def in_a_task(ctx: Context) -> None:
    """The wait of a task."""
    await asyncio.create_task(one(ctx))


async def in_tasks(ctx: Context) -> None:
    """The waits of two tasks."""
    await asyncio.gather(one(ctx), one(ctx))


async def gathered(ctx: Context) -> None:
    """With asyncio's gather."""
    await asyncio.gather(ctx.sleep(SECOND), ctx.sleep(SECOND))


async def combined(ctx: Context) -> None:
    """With the SDK's."""
    await perdure.gather(ctx.sleep(SECOND), ctx.sleep(SECOND))


@pytest.mark.parametrize(("wait", "commands"), [(one, 1), (in_a_task, 1), (in_tasks, 2), (gathered, 2), (combined, 2)])
def test_it_is_raised_where_the_handler_waits_and_the_invocation_ends_as_cancelled(
    wait: Callable[[Context], Awaitable[None]], commands: int
) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await wait(ctx)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry() for _ in range(commands)]
        node.cancel()
        assert (await node.failure()).code == StatusCode.CANCELLED.value
        node.start(slot=2, journal=[*journal, cancelled()], attempt=2)
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)


def test_a_step_that_was_not_granted_by_then_never_runs_and_the_invocation_ends_as_cancelled() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("never", pytest.fail, "it ran")
        return Word()

    async def story(node: Node) -> None:
        node.start()
        step = await node.entry()
        node.cancel()
        given_up = await node.entry()
        assert given_up.completion.failure.code == StatusCode.CANCELLED.value
        node.accept(0)
        assert (await node.failure()).code == StatusCode.CANCELLED.value
        node.start(slot=2, journal=[step, cancelled(), given_up], attempt=2)
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)


def test_it_is_raised_once_and_what_comes_after_it_works_in_full() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        call = StoryClient(ctx).do(Word())
        with pytest.raises(CancelledInvocation) as caught:
            await call
        assert isinstance(caught.value, TerminalError)
        undone = await ctx.run("undo", lambda: "undone")
        return Word(text=f"{undone} {(await call).text}")

    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry()]
        node.cancel()
        node.cancel()
        journal += [cancelled(), await node.entry()]
        assert journal[-1] == ran("undo")
        journal.append(await node.step(1))
        journal.append(done(0, codec.encode(Word(text="late"))))
        node.complete(0, codec.encode(Word(text="late")))
        assert (await node.result()).text == "undone late"
        node.start(slot=2, journal=journal, attempt=2)
        assert (await node.result()).text == "undone late"

    play(do, story)


async def _steps_until_cancelled(ctx: Context, request: Word) -> Word:
    """Tells what it has seen before the cancellation, and when it saw that."""
    seen = []
    *sleeps, never = [ctx.sleep(timedelta(milliseconds=number)) for number in range(5)]
    try:
        async for sleep in perdure.as_completed(*sleeps):
            seen.append(str(sleeps.index(sleep)))  # type: ignore[arg-type]  # the same object
            await ctx.run(f"after {seen[-1]}", lambda: None)
        await never
    except CancelledInvocation:
        seen.append("cancelled")
    async for sleep in perdure.as_completed(*[each for each in sleeps if str(sleeps.index(each)) not in seen]):
        seen.append(str(sleeps.index(sleep)))  # type: ignore[arg-type]  # the same object
    return Word(text=" ".join(seen))


@given(news=st.permutations(["0", "1", "2", "3", "cancelled"]), cut=st.integers(0, 100))
def test_its_order_among_results_is_that_of_the_journal_in_every_attempt(news: list[str], cut: int) -> None:
    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry() for _ in range(5)]
        commands = 5
        for each in news:
            if each == "cancelled":
                journal.append(cancelled())
                node.cancel()
            else:
                journal.append(done(int(each)))
                node.complete(int(each))
            if "cancelled" not in news[: news.index(each) + 1]:
                journal.append(await node.entry())
                journal.append(await node.step(commands))
                commands += 1
        assert (await node.result()).text == " ".join(news)
        node.start(slot=2, journal=journal, attempt=2)
        assert (await node.result()).text == " ".join(news)
        # What an attempt that was cut off has not seen comes as news to the next.
        at = 5 + cut % (len(journal) - 4)
        node.start(journal=journal[:at], attempt=3)
        for entry in journal[at:]:
            await _again(node, entry)
        assert (await node.result()).text == " ".join(news)

    play(_steps_until_cancelled, story)


async def _again(node: Node, entry: Entry) -> None:
    match entry.WhichOneof("entry"):
        case "cancellation":
            node.cancel()
        case "run":
            assert await node.entry() == entry
        case _ if entry.completion.command < 5:
            node.complete(entry.completion.command)
        case _:
            await node.step(entry.completion.command)


def test_a_result_that_the_journal_has_before_it_is_still_seen() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        text = await ctx.run("first", ran_again)
        with pytest.raises(CancelledInvocation):
            await ctx.sleep(SECOND)
        return Word(text=text)

    async def story(node: Node) -> None:
        node.start(journal=[ran("first"), completed(0, "seen"), cancelled(), slept(1000)], attempt=2)
        assert (await node.result()).text == "seen"

    play(do, story)


# Held back.


@pytest.mark.parametrize("replayed", [False, True])
def test_a_shield_holds_it_back_until_the_block_is_left(replayed: bool) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with ctx.shield():
            with ctx.shield():
                await ctx.sleep(SECOND)
            await ctx.sleep(2 * SECOND)
        with pytest.raises(CancelledInvocation):
            await ctx.sleep(3 * SECOND)
        return Word(text="shielded")

    async def story(node: Node) -> None:
        if replayed:
            journal = [slept(1000), cancelled(), done(0), slept(2000), done(1)]
            node.start(journal=journal, attempt=2)
        else:
            node.start()
            await node.entry()
            node.cancel()
            node.complete(0)
            await node.entry()
            node.complete(1)
        assert await node.entry() == slept(3000)
        assert (await node.result()).text == "shielded"

    play(do, story)


def test_a_shield_that_an_error_leaves_is_over() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="no"), ctx.shield():
            raise TerminalError("no")
        await ctx.sleep(SECOND)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.cancel()
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)


# Explicit.


def test_where_the_contract_says_explicit_nothing_is_raised_and_it_can_be_raced_with() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        for number in range(2):
            name, _ = await perdure.select(cancelled=ctx.cancellation(), work=StoryClient(ctx).do(Word(number=number)))
        await ctx.sleep(SECOND)
        await ctx.cancellation()
        return Word(text=name)

    async def story(node: Node) -> None:
        node.start(explicit_cancellation=True)
        journal = [await node.entry()]
        node.complete(0)
        journal += [done(0), await node.entry(), cancelled()]
        node.cancel()
        journal += [await node.entry(), done(2)]
        node.complete(2)
        assert (await node.result()).text == "cancelled"
        node.start(slot=2, journal=journal, attempt=2, explicit_cancellation=True)
        assert (await node.result()).text == "cancelled"

    play(do, story)


# Out of memory.


def test_a_handler_that_has_not_seen_it_is_suspended_so() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(DAY)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        await node.entry()
        suspension = (await node.next()).suspension
        assert (list(suspension.awaiting), suspension.cancelled) == ([0], False)

    play(do, story)


def test_a_handler_that_has_seen_it_is_suspended_so_and_is_not_woken_by_it_again() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(CancelledInvocation):
            await ctx.sleep(DAY)
        await ctx.sleep(2 * DAY)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=1, journal=[slept(86_400_000), cancelled()], attempt=2)
        await node.entry()
        suspension = (await node.next()).suspension
        assert (list(suspension.awaiting), suspension.cancelled) == ([1], True)

    play(do, story)


def test_a_handler_that_waits_for_nothing_but_its_cancellation_is_suspended() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.cancellation()
        return Word(text="at last")

    async def story(node: Node) -> None:
        node.start(idle_ms=1, explicit_cancellation=True)
        suspension = (await node.next()).suspension
        assert (list(suspension.awaiting), suspension.cancelled) == ([], False)
        node.start(slot=2, journal=[cancelled()], attempt=2, explicit_cancellation=True)
        assert (await node.result()).text == "at last"

    play(do, story)


# Tasks of the handler.


@pytest.mark.parametrize("replayed", [False, True])
def test_tasks_of_the_handler_end_before_it_undoes_anything(replayed: bool) -> None:
    ended = []

    async def aside(ctx: Context) -> None:
        try:
            await ctx.sleep(SECOND)
        except asyncio.CancelledError:
            ended.append("aside")
            raise

    async def do(ctx: Context, request: Word) -> Word:
        task = asyncio.create_task(aside(ctx))
        with pytest.raises(CancelledInvocation):
            await task
        await ctx.run("undo", lambda: ended.append("undo"))
        assert task.cancelled()
        return Word(text="undone")

    async def story(node: Node) -> None:
        if replayed:
            node.start(journal=[slept(1000), cancelled(), ran("undo")], attempt=2)
        else:
            node.start()
            await node.entry()
            node.cancel()
            assert await node.entry() == ran("undo")
        await node.step(1)
        assert (await node.result()).text == "undone"
        assert ended == ["aside", "undo"]

    play(do, story)


def test_a_task_that_waits_for_it_ends_with_the_attempt() -> None:
    ended = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        async def aside() -> None:
            try:
                await ctx.cancellation()
            finally:
                ended.set()

        task = asyncio.create_task(aside())
        await ctx.sleep(SECOND)
        await task
        return Word()

    async def story(node: Node) -> None:
        node.start(explicit_cancellation=True)
        await node.entry()
        node.abort()
        await ended.wait()

    play(do, story)


def test_what_the_handler_has_turned_away_from_fails_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(CancelledInvocation):
            await asyncio.gather(in_a_task(ctx), in_a_task(ctx))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.cancel()
        await node.result()

    play(do, story)
    gc.collect()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
