"""Calls by name with raw bytes, inside handlers."""

from datetime import timedelta

import pytest
from perdure import Context, GenericClient, UsageError, codec

from tests.sdk.contract import Word
from tests.sdk.node import Node, play

ANSWER = codec.encode(Word(text="answer"))


def test_a_call_takes_bytes_and_gives_bytes() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        answer = await GenericClient(ctx).call(
            "testing.v1.Counter", "Add", b"raw", key="a", idempotency_key="k", headers={"h": "v"}
        )
        return codec.decode(Word, answer)

    async def story(node: Node) -> None:
        node.start()
        call = (await node.entry()).call
        assert (call.target.service, call.target.handler, call.target.key) == ("testing.v1.Counter", "Add", "a")
        assert (call.input, call.idempotency_key, dict(call.headers)) == (b"raw", "k", {"h": "v"})
        node.complete(0, ANSWER)
        assert (await node.result()).text == "answer"

    play(do, story)


def test_a_message_gives_a_handle_of_bytes() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        handle = await GenericClient(ctx).send("testing.v1.Story", "Do", b"raw", delay=timedelta(seconds=2))
        return codec.decode(Word, await handle.attach())

    async def story(node: Node) -> None:
        node.start()
        send = (await node.entry()).send
        assert (send.target.key, send.input, send.delay_ms) == ("", b"raw", 2000)
        node.complete(0, b"inv_2")
        assert (await node.entry()).attach.invocation.invocation_id == "inv_2"
        node.complete(1, ANSWER)
        assert (await node.result()).text == "answer"

    play(do, story)


def test_what_nobody_can_call_through_is_refused() -> None:
    with pytest.raises(UsageError, match=r"through the ctx of a handler or a perdure\.Client, not a str"):
        GenericClient("localhost:8080")  # type: ignore[arg-type]  # the point


def test_a_delay_into_the_past_is_refused() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match="lies in the past"):
            GenericClient(ctx).send("testing.v1.Story", "Do", b"", delay=timedelta(seconds=-1))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)
