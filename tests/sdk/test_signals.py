"""Signals: what a handler waits for by name, and how it is sent."""

import pytest
from perdure import Context, TerminalError, UsageError, codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import AwaitSignalCommand, Entry, InvocationName, Outcome, Signal

from tests.sdk.contract import Word
from tests.sdk.node import Node, done, play

APPROVED = Entry(await_signal=AwaitSignalCommand(name="approved", type="testing.v1.Word"))


async def waits_twice(ctx: Context, request: Word) -> Word:
    """Tells both in the order asked."""
    first, second = ctx.signal("approved", Word), ctx.signal("approved", Word)
    return Word(text=f"{(await first).text} {(await second).text}")


def test_each_wait_is_a_command_with_the_name_and_the_type() -> None:
    async def story(node: Node) -> None:
        node.start()
        assert [await node.entry(), await node.entry()] == [APPROVED, APPROVED]
        node.complete(0, codec.encode(Word(text="a")))
        node.complete(1, codec.encode(Word(text="b")))
        assert (await node.result()).text == "a b"

    play(waits_twice, story)


def test_signals_that_came_early_stand_in_the_journal_and_are_no_commands() -> None:
    early = Entry(signal=Signal(name="approved", result=Outcome(value=codec.encode(Word(text="early")))))

    async def story(node: Node) -> None:
        node.start(
            journal=[early, APPROVED, done(0, codec.encode(Word(text="early"))), early, APPROVED],
            attempt=2,
        )
        node.complete(1, codec.encode(Word(text="late")))
        assert (await node.result()).text == "early late"

    play(waits_twice, story)


def test_a_signal_that_is_an_error_is_raised() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="no"):
            await ctx.signal("approved", Word)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.fail(0, 2, "no")
        await node.result()

    play(do, story)


def test_a_handle_sends_one_durably_and_at_once() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        ctx.handle("inv_2", Word).signal("approved", Word(text="yes"))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        sent = (await node.entry()).send_signal
        assert sent.invocation == InvocationName(invocation_id="inv_2")
        assert (sent.name, sent.result) == ("approved", Outcome(value=codec.encode(Word(text="yes"))))
        await node.result()

    play(do, story)


def test_a_signal_to_what_has_ended_is_a_terminal_error() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="NOT_FOUND: it has ended"):
            await ctx.handle("inv_2", Word).signal("approved", Word())
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.fail(0, 5, "it has ended")
        await node.result()

    play(do, story)


@pytest.mark.parametrize("name", ["", 7])
def test_what_is_no_name_is_refused_before_it_is_journaled(name: str) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match="is no name of a signal"):
            ctx.signal(name, Word)
        with pytest.raises(UsageError, match="is no name of a signal"):
            ctx.handle("inv_2", Word).signal(name, Word())
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)
