"""A node that stops says goodbye, and answers what runs: its callers wait, and call elsewhere meanwhile."""

import asyncio
import threading

import pytest
from perdure import CallError, Client, StatusCode, codec

from tests.sdk.contract import StoryClient, Word
from tests.sdk.ingress import Asked, FakeIngress, Said, meet


class Held:
    """Answers a word with itself: the word "hold" once it is free, others at once."""

    def __init__(self) -> None:
        self.going = threading.Event()
        self.free = threading.Event()

    async def answer(self, asked: Asked) -> Said:
        """Answers a call."""
        if codec.decode(Word, asked.message).text == "hold":
            self.going.set()
            await asyncio.to_thread(self.free.wait, 10)
        return Said(asked.message)


def test_a_call_that_runs_outlives_the_goodbye_and_the_next_call_goes_elsewhere() -> None:
    held = Held()

    async def story(client: Client, ingress: FakeIngress) -> None:
        stories = StoryClient(client)
        waiting = asyncio.ensure_future(stories.do(Word(text="hold")))
        await asyncio.to_thread(held.going.wait, 10)
        ingress.say_goodbye(2)
        # Its answer comes after the goodbye, on the same connection.
        assert await stories.do(Word(text="second")) == Word(text="second")
        assert await stories.do(Word(text="third")) == Word(text="third")
        assert len(ingress.connections) == 2
        held.free.set()
        assert await waiting == Word(text="hold")
        assert await stories.do(Word(text="fourth")) == Word(text="fourth")
        assert len(ingress.connections) == 2
        assert len(client._connections._lanes) == 1

    meet(held.answer, story)


def test_a_call_that_came_too_late_is_told_at_once() -> None:
    held = Held()

    async def story(client: Client, ingress: FakeIngress) -> None:
        waiting = asyncio.ensure_future(StoryClient(client).do(Word(text="hold")))
        await asyncio.to_thread(held.going.wait, 10)
        ingress.say_goodbye(0)
        with pytest.raises(CallError, match="has not taken this call") as raised:
            await waiting
        assert raised.value.code is StatusCode.UNAVAILABLE
        held.free.set()

    meet(held.answer, story)


def test_a_connection_that_breaks_after_the_goodbye_is_a_call_error() -> None:
    going = threading.Event()

    async def answer(asked: Asked) -> Said:
        if codec.decode(Word, asked.message).text == "hold":
            going.set()
            await asyncio.Event().wait()
        return Said(asked.message)

    async def story(client: Client, ingress: FakeIngress) -> None:
        stories = StoryClient(client)
        waiting = asyncio.ensure_future(stories.do(Word(text="hold")))
        await asyncio.to_thread(going.wait, 10)
        ingress.say_goodbye(2)
        await stories.do(Word(text="second"))
        await asyncio.to_thread(ingress.stop)
        with pytest.raises(CallError) as raised:
            await waiting
        assert raised.value.code is StatusCode.UNAVAILABLE

    meet(answer, story)


def test_closing_the_client_ends_the_calls_on_a_connection_that_has_said_goodbye() -> None:
    held = Held()

    async def story(client: Client, ingress: FakeIngress) -> None:
        stories = StoryClient(client)
        waiting = asyncio.ensure_future(stories.do(Word(text="hold")))
        await asyncio.to_thread(held.going.wait, 10)
        ingress.say_goodbye(2)
        await stories.do(Word(text="second"))
        await client.close()
        with pytest.raises(CallError):
            await waiting
        held.free.set()

    meet(held.answer, story)
