"""Waiting for so long: by the clock of the runtime, so that a replay decides the same."""

from collections.abc import Awaitable
from datetime import timedelta

import perdure
import pytest
from perdure import Context, StatusCode, TerminalError, codec

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import Node, done, play, slept

DAY = timedelta(days=1)


def call(ctx: Context) -> Awaitable[Word]:
    """A call whose answer the test gives."""
    return StoryClient(ctx).do(Word())


def answer(text: str) -> bytes:
    """An answer on the wire."""
    return codec.encode(Word(text=text))


def test_or_timeout_raises_an_error_that_is_terminal_and_a_timeout_and_the_result_still_comes() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        slow = call(ctx)
        with pytest.raises(perdure.TimedOut, match=r"call testing\.v1\.Story/Do.* after 1 day") as caught:
            await perdure.or_timeout(slow, DAY)
        assert isinstance(caught.value, TerminalError)
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
        return await slow

    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry(), await node.entry()]
        assert journal[1] == slept(86_400_000)
        journal += [done(1), done(0, answer("late"))]
        node.complete(1)
        node.complete(0, answer("late"))
        assert (await node.result()).text == "late"
        node.start(slot=2, journal=journal, attempt=2)
        assert (await node.result()).text == "late"

    play(do, story)


def test_a_timeout_that_nobody_catches_ends_the_invocation() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return await perdure.or_timeout(call(ctx), DAY)

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.complete(1)
        assert (await node.failure()).code == StatusCode.DEADLINE_EXCEEDED.value

    play(do, story)


def test_an_error_in_time_is_raised_as_it_is() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return await perdure.or_timeout(call(ctx), DAY)

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.fail(0, 5, "nobody")
        node.complete(1)
        assert (await node.failure()).message == "nobody"

    play(do, story)


def test_wait_gives_what_is_there_when_its_time_is_over() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        calls = [call(ctx) for _ in range(3)]
        settled, pending = await perdure.wait(*calls, timeout=DAY)
        assert (settled, pending) == ([calls[1]], [calls[0], calls[2]])
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for _ in range(4):
            await node.entry()
        node.complete(1)
        node.complete(3)
        await node.result()

    play(do, story)
