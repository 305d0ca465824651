"""Typed clients: what they refuse before anything is sent, wherever they call from."""

from datetime import timedelta

import pytest
from perdure import Client, Context, SyncClient, UsageError, codec
from perdure.method import BlockingMethod, Method
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from tests.sdk.contract import CounterClient, CounterState, StoryClient, Word
from tests.sdk.node import Node, play


def test_one_class_gives_methods_that_await_or_block_by_its_caller() -> None:
    assert isinstance(StoryClient(Client("localhost:1")).do, Method)
    assert isinstance(StoryClient(SyncClient("localhost:1")).do, BlockingMethod)


def test_what_nobody_can_call_through_is_refused() -> None:
    with pytest.raises(UsageError, match=r"StoryClient calls through .* not through a str"):
        StoryClient("localhost:8080")  # type: ignore[type-var]  # the point


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(UsageError, match=r"names one testing\.v1\.Counter"):
        CounterClient(Client("localhost:1"), "")


def test_a_request_of_another_type_is_refused() -> None:
    with pytest.raises(UsageError, match="takes a Word, not a CounterState"):
        StoryClient(Client("localhost:1")).do(CounterState())  # type: ignore[arg-type]  # the point


def test_a_request_with_another_key_is_refused() -> None:
    with pytest.raises(UsageError, match="was made for key 'a', but counter of the request says 'b'"):
        CounterClient(Client("localhost:1"), "a").add(Word(counter="b"))


def test_a_delay_into_the_past_is_refused() -> None:
    with pytest.raises(UsageError, match="lies in the past"):
        StoryClient(Client("localhost:1")).do.send(Word(), delay=timedelta(seconds=-1))


def test_the_key_is_filled_in_and_the_callers_request_stays_as_it_was() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        asked = Word(text="hi")
        await CounterClient(ctx, "a").add(asked)
        return asked

    async def story(node: Node) -> None:
        node.start()
        call = (await node.entry()).call
        assert call.target.key == "a"
        assert codec.decode(Word, call.input) == Word(text="hi", counter="a")
        node.complete(0, codec.encode(Word()))
        assert await node.result() == Word(text="hi")

    play(do, story)


def test_a_call_and_a_message_are_on_their_way_at_once_awaited_or_not() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        StoryClient(ctx).do(Word())
        StoryClient(ctx).do.send(Word())
        return Word()

    async def story(node: Node) -> None:
        node.start()
        kinds = [Entry.WhichOneof(await node.entry(), "entry") for _ in range(2)]
        assert kinds == ["call", "send"]
        await node.result()

    play(do, story)


@pytest.mark.parametrize("duration", [timedelta(seconds=-1), 5])
def test_a_sleep_that_makes_no_sense_is_refused(duration: timedelta) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match="a durable wait"):
            ctx.sleep(duration)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)
