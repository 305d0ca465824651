"""Handles inside handlers: all that they do is a command of the journal."""

from collections.abc import Awaitable, Callable

import pytest
from perdure import Context, StatusCode, TerminalError, UsageError, codec
from perdure.calls import InvocationHandle
from perdure_protos.perdure.protocol.v1.journal_pb2 import CancelCommand, Entry, InvocationName, Outcome

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import Node, done, outcome, play

OTHER = InvocationName(invocation_id="inv_2")
ANSWER = codec.encode(Word(text="answer"))


def test_attach_waits_for_the_end_and_gives_the_result() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return await ctx.handle("inv_2", Word).attach()

    async def story(node: Node) -> None:
        node.start()
        entry = await node.entry()
        assert entry.attach.invocation == OTHER
        node.complete(0, ANSWER)
        assert (await node.result()).text == "answer"
        node.start(slot=2, journal=[entry, done(0, ANSWER)], attempt=2)
        assert (await node.result()).text == "answer"

    play(do, story)


def test_output_is_none_while_it_runs_and_then_the_result() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        handle = ctx.handle("inv_2", Word)
        assert await handle.output() is None
        return await handle.output() or Word(text="nothing")

    async def story(node: Node) -> None:
        node.start()
        assert (await node.entry()).output.invocation == OTHER
        node.complete(0)
        await node.entry()
        node.complete(1, outcome(ANSWER))
        assert (await node.result()).text == "answer"

    play(do, story)


async def attaches(handle: InvocationHandle[Word]) -> object:
    """Waits."""
    return await handle.attach()


async def looks(handle: InvocationHandle[Word]) -> object:
    """Looks."""
    return await handle.output()


@pytest.mark.parametrize("ask", [attaches, looks])
def test_one_that_nobody_knows_is_a_terminal_error(ask: Callable[[InvocationHandle[Word]], Awaitable[object]]) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="NOT_FOUND"):
            await ask(ctx.handle("inv_2", Word))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.fail(0, StatusCode.NOT_FOUND.value, "there is no invocation inv_2")
        await node.result()

    play(do, story)


def test_an_output_that_is_an_error_is_raised_with_its_code() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="DATA_LOSS: gone"):
            await ctx.handle("inv_2", Word).output()
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        failed = Outcome()
        failed.failure.code, failed.failure.message = StatusCode.DATA_LOSS.value, "gone"
        node.complete(0, failed.SerializeToString())
        await node.result()

    play(do, story)


def test_a_handle_cancels_its_invocation() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.handle("inv_2", Word).cancel()
        return Word()

    async def story(node: Node) -> None:
        node.start()
        assert await node.entry() == Entry(cancel=CancelCommand(name=OTHER))
        node.complete(0)
        await node.result()

    play(do, story)


def test_what_send_gave_is_a_handle_that_can_be_waited_for() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        handle = await StoryClient(ctx).do.send(Word())
        return await handle.attach()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.complete(0, b"inv_2")
        assert (await node.entry()).attach.invocation == OTHER
        node.complete(1, ANSWER)
        assert (await node.result()).text == "answer"

    play(do, story)


def test_a_call_is_cancelled_by_its_place_in_the_journal_and_its_end_can_be_awaited() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        StoryClient(ctx).do(Word())
        call = StoryClient(ctx).do(Word())
        await ctx.cancel(call)
        with pytest.raises(TerminalError, match="CANCELLED"):
            await call
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        assert await node.entry() == Entry(cancel=CancelCommand(call=1))
        node.complete(2)
        node.fail(1, StatusCode.CANCELLED.value, "the invocation was cancelled")
        await node.result()

    play(do, story)


def test_what_is_no_call_cannot_be_cancelled_so() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        step = ctx.run("a", lambda: None)
        with pytest.raises(UsageError, match=r"ctx\.cancel takes what a call .* not <DurableFuture 0: run 'a'"):
            ctx.cancel(step)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.result()

    play(do, story)


def test_a_call_that_the_runtime_has_noted_an_invocation_for_is_still_the_same_command() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return await StoryClient(ctx).do(Word())

    async def story(node: Node) -> None:
        node.start()
        noted = await node.entry()
        noted.call.invocation_id = "inv_2"
        node.abort()
        node.start(slot=2, journal=[noted, done(0, ANSWER)], attempt=2)
        assert (await node.result()).text == "answer"

    play(do, story)
