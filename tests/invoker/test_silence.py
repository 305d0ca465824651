"""Attempts that say nothing any more: aborted once they have for longer than their contract allows, and tried again."""

import asyncio
from collections.abc import Callable, Coroutine

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.partition.effect import Notify
from perdure_runtime.partition.input import AttemptFailed, Input

from tests.invoker.hand_clock import HandClock, pass_time
from tests.invoker.test_connection import RUN, FakeTransport, Room, entry
from tests.invoker.test_routes import counter, start

# The default inactivity_timeout and abort_timeout together.
PATIENCE_S = 660


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story with a room of its own, and a clock that it moves."""

    async def run() -> None:
        room = Room()
        try:
            await story(room)
        finally:
            await room.close()

    with asyncio.Runner(loop_factory=HandClock) as runner:
        runner.run(run())


def test_an_attempt_that_says_nothing_is_aborted_and_fails_once_its_patience_is_over() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start("inv_1", attempt=3)
        await pass_time(PATIENCE_S - 2)
        assert not room.inputs
        await pass_time(4)
        (failed,) = room.inputs
        assert isinstance(failed, AttemptFailed)
        assert (failed.invocation_id, failed.attempt) == ("inv_1", 3)
        assert failed.failure.message.startswith("the handler has said nothing for 660 s and was aborted")
        assert link.sent[-1].abort.reason == failed.failure.message

    play(story)


def test_each_word_of_the_attempt_gives_it_time_anew() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start("inv_1")
        await pass_time(PATIENCE_S - 2)
        link.answer([entry(1, RUN)])
        await pass_time(PATIENCE_S - 2)
        assert len(room.inputs) == 1, "its command, and no failure"
        await pass_time(4)
        assert isinstance(room.inputs[-1], AttemptFailed)

    play(story)


def test_only_the_silent_one_is_aborted() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start("inv_1")
        await pass_time(100)
        room.start("inv_2")
        await pass_time(PATIENCE_S - 90)
        assert [type(input).__name__ for input in room.inputs] == ["AttemptFailed"]
        link.answer([EndpointFrame(slot=1, outcome=Outcome()), EndpointFrame(slot=2, outcome=Outcome())])
        assert [type(input).__name__ for input in room.inputs] == ["AttemptFailed", "AttemptEnded"]

    play(story)


def test_an_attempt_that_has_ended_is_not_waited_for() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start("inv_1")
        link.answer([EndpointFrame(slot=1, outcome=Outcome())])
        await pass_time(PATIENCE_S + 2)
        assert len(room.inputs) == 1

    play(story)


def test_the_next_attempt_has_its_own_time() -> None:
    async def story(room: Room) -> None:
        await room.link()
        room.start("inv_1", attempt=1)
        await pass_time(PATIENCE_S + 2)
        room.start("inv_1", attempt=2)
        await pass_time(PATIENCE_S - 2)
        assert [input.attempt for input in room.inputs if isinstance(input, AttemptFailed)] == [1]

    play(story)


def test_news_for_the_attempt_gives_it_time_anew() -> None:
    async def story() -> None:
        offered: list[Input] = []
        transport = FakeTransport()
        transport.up.set()
        invoker = Invoker(offered.append, lambda connection: None)
        invoker.add(transport, counter())
        await transport.links.get()
        await asyncio.sleep(0)
        invoker.start(start())
        await pass_time(PATIENCE_S - 2)
        invoker.act(Notify("inv_1", 1, Completion(command=0)))
        await pass_time(PATIENCE_S - 2)
        assert not offered
        await pass_time(4)
        assert [type(input).__name__ for input in offered] == ["AttemptFailed"]
        await invoker.close()

    with asyncio.Runner(loop_factory=HandClock) as runner:
        runner.run(story())
