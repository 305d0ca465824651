"""What asyncio gives works on durable futures where results decide, and is refused where clocks of its own do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from perdure import CallError, Context, StatusCode, TerminalError, UsageError, codec

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import Node, failed, play

SECOND = timedelta(seconds=1)


def call(ctx: Context) -> Awaitable[Word]:
    """A call whose answer the test gives."""
    return StoryClient(ctx).do(Word())


async def one(future: Awaitable[Word]) -> Word:
    """In a coroutine of the handler's own."""
    return await future


async def wait(future: Awaitable[Word]) -> None:
    """Gives itself away by its callback."""
    await asyncio.wait([asyncio.ensure_future(future)])


async def as_completed(future: Awaitable[Word]) -> None:
    """Gives itself away by its callback."""
    for each in asyncio.as_completed([future]):
        await each


async def wait_for(future: Awaitable[Word]) -> None:
    """Gives itself away by its callback, or by how it cancels."""
    await asyncio.wait_for(future, 0.001)


async def wait_for_a_coroutine(future: Awaitable[Word]) -> None:
    """Gives itself away by how it cancels."""
    await asyncio.wait_for(one(future), 0.001)


async def timeout(future: Awaitable[Word]) -> None:
    """Gives itself away by how it cancels."""
    async with asyncio.timeout(0.001):
        await future


async def timeout_of_gather(future: Awaitable[Word]) -> None:
    """Gives itself away by how it cancels."""
    async with asyncio.timeout(0.001):
        await asyncio.gather(future)


async def timeout_in_a_task(future: Awaitable[Word]) -> None:
    """The same, where the handler itself is not cancelled."""
    await asyncio.gather(timeout(future))


async def timeout_of_gather_in_a_task(future: Awaitable[Word]) -> None:
    """The same, through both."""
    await asyncio.gather(timeout_of_gather(future))


@pytest.mark.parametrize(
    ("misuse", "instead"),
    [
        (wait, r"asyncio\.wait .*use perdure\.wait"),
        (as_completed, r"asyncio\.as_completed .*use perdure\.as_completed"),
        (wait_for, r"perdure\.or_timeout"),
        (wait_for_a_coroutine, r"perdure\.or_timeout"),
        (timeout, r"asyncio\.timeout .*use perdure\.or_timeout"),
        (timeout_of_gather, r"asyncio\.timeout .*use perdure\.or_timeout"),
        (timeout_in_a_task, r"asyncio\.timeout .*use perdure\.or_timeout"),
        (timeout_of_gather_in_a_task, r"asyncio\.timeout .*use perdure\.or_timeout"),
    ],
)
def test_what_decides_by_the_clock_of_the_process_is_refused_with_what_to_use(
    misuse: Callable[[Awaitable[Word]], Awaitable[None]], instead: str
) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match=instead):
            await misuse(call(ctx))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.result()

    play(do, story)


def test_a_timeout_that_is_not_over_changes_nothing() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async with asyncio.timeout(3600):
            return await call(ctx)

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.complete(0, codec.encode(Word(text="in time")))
        assert (await node.result()).text == "in time"

    play(do, story)


def test_a_timeout_of_what_is_not_durable_is_as_ever() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        return await call(ctx)

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.complete(0, codec.encode(Word(text="went on")))
        assert (await node.result()).text == "went on"

    play(do, story)


def test_what_is_done_just_after_it_was_cut_off_does_not_wake_the_next_wait() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        loop = asyncio.get_running_loop()
        late = loop.create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                loop.call_soon(late.set_result, None)
                await late
                pytest.fail("it was not cut off")
        return await call(ctx)

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.silence()
        node.complete(0, codec.encode(Word(text="went on")))
        assert (await node.result()).text == "went on"

    play(do, story)


async def fails(ctx: Context) -> None:
    """Fails with the answer of a call."""
    await call(ctx)


def test_a_task_group_ends_with_its_first_error_and_a_replay_does_the_same() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails(ctx))
                group.create_task(fails(ctx))
                await ctx.sleep(SECOND)
        except ExceptionGroup as failed:
            (error,) = failed.exceptions
            assert isinstance(error, TerminalError)
            return Word(text=error.message)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        # The tasks begin when the handler waits: after its sleep.
        journal = [await node.entry() for _ in range(3)]
        node.fail(2, 2, "second")
        node.fail(1, 2, "first")
        assert (await node.result()).text == "second"
        node.start(slot=2, journal=[*journal, failed(2, "second"), failed(1, "first")], attempt=2)
        assert (await node.result()).text == "second"

    play(do, story)


def test_a_task_that_the_handler_cancels_is_cancelled() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        task = asyncio.create_task(one(call(ctx)))
        await ctx.sleep(SECOND)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return Word(text="went on")

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.complete(1)
        assert (await node.result()).text == "went on"

    play(do, story)


@pytest.mark.parametrize(
    ("others", "ends"),
    [
        ([], True),
        ([TerminalError("another")], True),
        ([ExceptionGroup("inner", [TerminalError("another")])], True),
        ([ValueError("a bug")], False),
        ([CallError("away", StatusCode.UNAVAILABLE)], False),
    ],
)
def test_a_group_of_terminal_errors_ends_the_invocation_with_the_first_and_any_other_group_is_tried_again(
    others: list[Exception], ends: bool
) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        raise ExceptionGroup("unhandled errors in a TaskGroup", [TerminalError("first"), *others])

    async def story(node: Node) -> None:
        node.start()
        if ends:
            assert (await node.failure()).message == "first"
        else:
            assert "ExceptionGroup" in await node.failed()

    play(do, story)


def test_a_cancellation_in_a_task_group_ends_the_invocation_as_cancelled() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async with asyncio.TaskGroup() as group:
            group.create_task(one(call(ctx)))
            await ctx.sleep(SECOND)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.cancel()
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)
