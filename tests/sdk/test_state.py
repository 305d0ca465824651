"""State: read from what came with the attempt where that is all, else by commands, and the same in every attempt."""

import asyncio

import pytest
from perdure import codec
from perdure.vm.state import write_entry
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    ClearAllStateCommand,
    Entry,
    GetStateCommand,
    GetStateKeysCommand,
    StateKeys,
)

from tests.sdk.contract import CounterContext, CounterSharedContext, CounterState, Word, endpoint
from tests.sdk.node import Node, done, play, value

FOUR = codec.encode(CounterState(value=4))
READ_VALUE = Entry(get_state=GetStateCommand(name="value"))
CLEARED = Entry(clear_all_state=ClearAllStateCommand())


async def reads(ctx: CounterSharedContext, request: Word) -> Word:
    """Reads twice."""
    await ctx.state.value.get()
    return Word(number=await ctx.state.value.get(), text=str(await ctx.state.value.exists()))


@pytest.mark.parametrize(
    ("stored", "expected"), [(FOUR, Word(number=4, text="True")), (None, Word(number=0, text="False"))]
)
def test_what_a_partial_state_lacks_is_read_by_one_command(stored: bytes | None, expected: Word) -> None:
    async def story(node: Node) -> None:
        node.start("Counter/Read", key="a", partial_state=True)
        assert await node.entry() == READ_VALUE
        node.complete(0, value(stored))
        assert await node.result() == expected
        node.start("Counter/Read", [READ_VALUE, done(0, value(stored))], slot=2, key="a", attempt=2)
        assert await node.result() == expected

    play(endpoint(read=reads), story)


def test_what_a_partial_state_has_is_read_at_once() -> None:
    async def story(node: Node) -> None:
        node.start("Counter/Read", key="a", partial_state=True, state={"value": FOUR})
        assert await node.result() == Word(number=4, text="True")

    play(endpoint(read=reads), story)


def test_what_the_handler_has_written_is_not_read_by_a_command() -> None:
    async def add(ctx: CounterContext, request: Word) -> Word:
        ctx.state.value.set(5)
        return Word(number=await ctx.state.value.get())

    async def story(node: Node) -> None:
        node.start("Counter/Add", key="a", partial_state=True)
        assert (await node.entry()).HasField("set_state")
        assert (await node.result()).number == 5

    play(endpoint(add=add), story)


def test_a_write_beside_a_read_that_is_on_its_way_wins() -> None:
    async def add(ctx: CounterContext, request: Word) -> Word:
        async def read() -> int:
            return await ctx.state.value.get()

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        ctx.state.value.set(5)
        await reading
        return Word(number=await ctx.state.value.get())

    async def story(node: Node) -> None:
        node.start("Counter/Add", key="a", partial_state=True)
        assert await node.entry() == READ_VALUE
        await node.entry()
        node.complete(0, value(FOUR))
        assert (await node.result()).number == 5

    play(endpoint(add=add), story)


def test_a_read_that_was_on_its_way_when_all_was_cleared_is_forgotten() -> None:
    async def add(ctx: CounterContext, request: Word) -> Word:
        async def read() -> int:
            return await ctx.state.value.get()

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        ctx.state.clear_all()
        await reading
        return Word(number=await ctx.state.value.get(), text=str(await ctx.state.value.exists()))

    async def story(node: Node) -> None:
        node.start("Counter/Add", key="a", partial_state=True)
        assert [await node.entry(), await node.entry()] == [READ_VALUE, CLEARED]
        node.complete(0, value(FOUR))
        assert await node.result() == Word(number=0, text="False")

    play(endpoint(add=add), story)


@pytest.mark.parametrize("partial", [False, True])
def test_clear_all_leaves_nothing_in_this_attempt_and_the_next(partial: bool) -> None:
    async def add(ctx: CounterContext, request: Word) -> Word:
        before = await ctx.state.value.get()
        ctx.state.clear_all()
        ctx.state.names.set(["new"])
        return Word(number=await ctx.state.value.get(), text=f"{before} {await ctx.state.names.get()}")

    names = codec.encode(CounterState(names=["new"]))

    async def story(node: Node) -> None:
        node.start("Counter/Add", key="a", state={"value": FOUR, "names": names}, partial_state=partial)
        journal = [await node.entry() for _ in range(3)]
        assert journal == [write_entry("value", FOUR, read=True), CLEARED, write_entry("names", names)]
        assert await node.result() == Word(number=0, text="4 ['new']")
        for cut in range(4):
            state = {"names": names} if cut == 3 else {} if cut == 2 else {"value": FOUR}
            node.start("Counter/Add", journal[:cut], slot=2 + cut, key="a", state=state, attempt=2)
            assert [await node.entry() for _ in range(3 - cut)] == journal[cut:]
            assert await node.result() == Word(number=0, text="4 ['new']")

    play(endpoint(add=add), story)


def test_keys_are_asked_for_after_what_was_written() -> None:
    async def add(ctx: CounterContext, request: Word) -> Word:
        ctx.state.names.clear()
        return Word(text=",".join(await ctx.state.keys()))

    keys = StateKeys(names=["names", "value"]).SerializeToString()

    async def story(node: Node) -> None:
        node.start("Counter/Add", key="a")
        journal = [await node.entry(), await node.entry()]
        assert journal == [write_entry("names", None), Entry(get_state_keys=GetStateKeysCommand())]
        node.complete(1, keys)
        assert (await node.result()).text == "names,value"
        node.start("Counter/Add", [*journal, done(1, keys)], slot=2, key="a", attempt=2)
        assert (await node.result()).text == "names,value"

    play(endpoint(add=add), story)


def test_a_shared_handler_asks_for_keys_too_and_cannot_clear() -> None:
    async def read(ctx: CounterSharedContext, request: Word) -> Word:
        assert not hasattr(ctx.state, "clear_all")
        return Word(number=len(await ctx.state.keys()))

    async def story(node: Node) -> None:
        node.start("Counter/Read", key="a", state={"value": FOUR})
        await node.entry()
        node.complete(0, StateKeys().SerializeToString())
        assert (await node.result()).number == 0

    play(endpoint(read=read), story)
