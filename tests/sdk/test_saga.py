"""Sagas: what was done is undone by durable steps, the newest first, when a terminal error leaves the block."""

import pytest
from perdure import CallError, CancelledInvocation, Context, Saga, StatusCode, TerminalError, codec, gather
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import Node, cancelled, completed, play, ran


def undo(what: str) -> None:
    """A compensation."""


async def books(ctx: Context, error: BaseException | None) -> None:
    """Does two things, and fails."""
    async with Saga(ctx) as saga:
        saga.compensate("cancel flight", undo, "flight")
        await ctx.run("book flight", lambda: None)
        saga.compensate("cancel hotel", undo, "hotel")
        if error is not None:
            raise error


def test_compensations_run_as_steps_in_reverse_and_the_error_goes_on() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await books(ctx, TerminalError("no rooms", StatusCode.RESOURCE_EXHAUSTED))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        journal = []
        for command, name in enumerate(["book flight", "cancel hotel", "cancel flight"]):
            assert await node.entry() == ran(name)
            journal += [ran(name), await node.step(command)]
        failure = await node.failure()
        assert (failure.code, failure.message) == (StatusCode.RESOURCE_EXHAUSTED.value, "no rooms")
        # A crash between two compensations repeats none of them.
        node.start(slot=1, journal=journal[:4], attempt=2)
        assert await node.entry() == ran("cancel flight")
        await node.step(2)
        assert (await node.failure()).message == "no rooms"

    play(do, story)


def test_nothing_is_undone_where_all_went_well() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await books(ctx, None)
        return Word(text="booked")

    async def story(node: Node) -> None:
        node.start(journal=[ran("book flight"), completed(0)], attempt=2)
        assert (await node.result()).text == "booked"

    play(do, story)


@pytest.mark.parametrize("error", [ValueError("a bug"), CallError("the runtime is away", StatusCode.UNAVAILABLE)])
def test_an_error_that_is_tried_again_undoes_nothing(error: Exception) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await books(ctx, error)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("book flight"), completed(0)], attempt=2)
        assert type(error).__name__ in await node.failed()

    play(do, story)


def test_a_cancellation_undoes_all_and_another_cannot_cut_that_off() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async with Saga(ctx) as saga:
            saga.compensate("undo a", undo, "a")
            saga.compensate("undo b", undo, "b")
            await StoryClient(ctx).do(Word())
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.cancel()
        for command, name in enumerate(["undo b", "undo a"], start=1):
            assert await node.entry() == ran(name)
            node.cancel()
            await node.step(command)
        assert (await node.failure()).code == StatusCode.CANCELLED.value

    play(do, story)


def test_a_cancellation_that_comes_while_it_undoes_waits_until_all_is_undone() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="no rooms"):
            await books(ctx, TerminalError("no rooms"))
        with pytest.raises(CancelledInvocation):
            await ctx.run("after", undo, "it")
        return Word()

    async def story(node: Node) -> None:
        journal = [ran("book flight"), completed(0), ran("cancel hotel"), cancelled(), completed(1)]
        node.start(journal=[*journal, ran("cancel flight"), completed(2)], attempt=2)
        assert await node.entry() == ran("after")
        # The handler asks for it before it is told: it never begins.
        assert (await node.entry()).completion.failure.code == StatusCode.CANCELLED.value
        await node.result()

    play(do, story)


def test_what_still_runs_is_let_end_before_anything_is_undone() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async with Saga(ctx) as saga:
            saga.compensate("cancel hotel", undo, "hotel")
            await gather(ctx.run("book hotel", undo, "hotel"), ctx.run("book flight", undo, "flight"))
        return Word()

    async def story(node: Node) -> None:
        failed = Entry(completion=Completion(command=1, failure=Failure(code=9, message="no seats"), at_ms=1))
        node.start(journal=[ran("book hotel"), ran("book flight"), failed], attempt=2)
        await node.silence()
        await node.step(0)
        assert await node.entry() == ran("cancel hotel")
        await node.step(2)
        assert (await node.failure()).message == "no seats"

    play(do, story)


def test_a_compensation_that_fails_for_good_keeps_no_other_from_running() -> None:
    def fail() -> None:
        raise TerminalError("the hotel does not answer")

    async def do(ctx: Context, request: Word) -> Word:
        async with Saga(ctx) as saga:
            saga.compensate("cancel flight", undo, "flight")
            saga.compensate("cancel hotel", fail)
            raise TerminalError("no rooms")

    async def story(node: Node) -> None:
        node.start()
        assert await node.entry() == ran("cancel hotel")
        await node.step(0)
        assert await node.entry() == ran("cancel flight")
        await node.step(1)
        assert (await node.failure()).message == "the hotel does not answer"

    play(do, story)


def test_a_call_can_be_a_compensation() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async with Saga(ctx) as saga:
            saga.compensate_with(lambda: StoryClient(ctx).do(Word(text="release")))
            raise TerminalError("no rooms")

    async def story(node: Node) -> None:
        node.start()
        assert codec.decode(Word, (await node.entry()).call.input).text == "release"
        node.complete(0)
        assert (await node.failure()).message == "no rooms"

    play(do, story)


def test_what_was_undone_by_hand_is_not_undone_again() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async with Saga(ctx) as saga:
            saga.compensate("undo", undo, "it")
            await saga.undo()
            raise TerminalError("no rooms")

    async def story(node: Node) -> None:
        node.start()
        assert await node.entry() == ran("undo")
        await node.step(0)
        assert (await node.failure()).message == "no rooms"

    play(do, story)


def test_a_group_of_terminal_errors_undoes_all_too() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await books(ctx, ExceptionGroup("unhandled errors in a TaskGroup", [TerminalError("no rooms")]))
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("book flight"), completed(0)], attempt=2)
        for command, name in enumerate(["cancel hotel", "cancel flight"], start=1):
            assert await node.entry() == ran(name)
            await node.step(command)
        assert (await node.failure()).message == "no rooms"

    play(do, story)
