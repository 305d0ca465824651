"""Awakeables: an id that somebody outside gets, and the result that they give."""

from collections.abc import Awaitable, Callable

import pytest
from perdure import Awakeable, Context, StatusCode, TerminalError, UsageError, codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from tests.sdk.contract import Word
from tests.sdk.node import Node, done, play, slept

ID = "awk_1_0_ABCDEFGHIJKLMNOPQRSTUVWXYZ"


async def waits(ctx: Context, request: Word) -> Word:
    """Tells the id of its awakeable, and what it was resolved with."""
    awakeable = ctx.awakeable(Word)
    return Word(text=(await awakeable).text, counter=awakeable.id)


def test_its_id_is_journaled_with_its_type_and_is_the_same_in_every_attempt() -> None:
    async def story(node: Node) -> None:
        node.start()
        entry = await node.entry()
        assert entry.awakeable.type == "testing.v1.Word"
        node.complete(0, codec.encode(Word(text="paid")))
        assert await node.result() == Word(text="paid", counter=entry.awakeable.id)
        node.start(slot=2, journal=[entry, done(0, codec.encode(Word(text="paid")))], attempt=2)
        assert await node.result() == Word(text="paid", counter=entry.awakeable.id)

    play(waits, story)


def test_its_id_says_where_it_is_and_cannot_be_guessed() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        ctx.awakeable(Word)
        ctx.awakeable(Word)
        return Word()

    async def story(node: Node) -> None:
        tokens = set()
        for slot in (1, 2):
            node.start(slot=slot)
            for command in range(2):
                place, _, token = (await node.entry()).awakeable.id.rpartition("_")
                assert place == f"awk_1_{command}"
                tokens.add(token)
            await node.result()
        assert len(tokens) == 4
        assert {len(token) for token in tokens} == {26}, "128 bits in base 32"

    play(do, story)


def test_a_rejection_is_raised_where_it_is_awaited() -> None:
    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.fail(0, StatusCode.ABORTED.value, "declined")
        failure = await node.failure()
        assert (failure.code, failure.message) == (StatusCode.ABORTED.value, "declined")

    play(waits, story)


def test_an_awakeable_where_the_journal_has_something_else_pauses() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        ctx.awakeable(Word)
        return Word()

    async def story(node: Node) -> None:
        node.start("Story/Do", [slept(1000)], attempt=2)
        failure = (await node.next()).attempt_failure
        assert failure.journal_mismatch
        assert "the handler did awakeable of testing.v1.Word" in failure.message

    play(do, story)


def test_its_type_is_that_of_its_message() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        assert isinstance(ctx.awakeable(Word), Awakeable)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.result()

    play(do, story)


# The other side.


async def resolves(ctx: Context, request: Word) -> Word:
    """Gives a result."""
    await ctx.resolve_awakeable(ID, Word(text="paid"))
    return Word(text="resolved")


async def rejects(ctx: Context, request: Word) -> Word:
    """Gives an error."""
    await ctx.reject_awakeable(ID, "declined", code=StatusCode.ABORTED)
    return Word(text="rejected")


def test_a_handler_resolves_one_with_a_message() -> None:
    async def story(node: Node) -> None:
        node.start()
        command = (await node.entry()).complete_awakeable
        assert (command.id, command.result) == (ID, Outcome(value=codec.encode(Word(text="paid"))))
        node.complete(0)
        assert (await node.result()).text == "resolved"

    play(resolves, story)


def test_a_handler_rejects_one_with_an_error() -> None:
    async def story(node: Node) -> None:
        node.start()
        failure = (await node.entry()).complete_awakeable.result.failure
        assert (failure.code, failure.message) == (StatusCode.ABORTED.value, "declined")
        node.complete(0)
        assert (await node.result()).text == "rejected"

    play(rejects, story)


@pytest.mark.parametrize("completes", [resolves, rejects])
def test_one_that_nobody_knows_is_a_terminal_error(completes: Callable[[Context, Word], Awaitable[Word]]) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="NOT_FOUND"):
            await completes(ctx, request)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.fail(0, StatusCode.NOT_FOUND.value, "there is no such awakeable")
        await node.result()

    play(do, story)


@pytest.mark.parametrize("id", ["", "inv_1", 7])
def test_what_is_no_id_is_refused_before_it_is_journaled(id: str) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match=r"take the \.id of ctx\.awakeable"):
            ctx.resolve_awakeable(id, Word())
        with pytest.raises(UsageError, match=r"take the \.id of ctx\.awakeable"):
            ctx.reject_awakeable(id, "no")
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)
