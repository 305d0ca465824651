"""What handlers log: once, however often they are run, and with the invocation that they are."""

import logging

import perdure
import pytest
from perdure.logs import invocation_fields, is_replaying
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame
from perdure_runtime.testing.runtime import TestRuntime
from trial.v1 import AddRequest, CounterClient, CounterContext, CounterHandlers, CounterState, Text, TrialClient

from tests.node.node_room import Room
from tests.node.node_room import play as play_room
from tests.telemetry.town import play
from tests.testing.handlers import Does

USERS = logging.getLogger("shop")


def do(what: str) -> str:
    """A step that logs by itself."""
    USERS.info("step %s", what, extra=invocation_fields())
    return what


async def thrice(ctx: perdure.Context, text: str) -> str:
    """Logs around each of two steps."""
    ctx.logger.info("before")
    await ctx.run("one", do, "one")
    ctx.logger.info("between")
    await ctx.run("two", do, "two")
    ctx.logger.info("after")
    return text


def run(*handlers: Does, replay: bool = True) -> None:
    """Calls the first handler; it starts over with each result that it gets."""

    async def story() -> None:
        async with TestRuntime(*handlers, always_replay=replay) as runtime:
            await TrialClient(runtime.client).first(Text(text="x"))

    play(story)


def test_a_replay_logs_nothing_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(Does(thrice))

    logged = [record.message for record in caplog.records if record.name in ("trial.v1.Trial", "shop")]
    assert logged == ["before", "step one", "between", "step two", "after"]


def test_a_line_says_whose_it_is(caplog: pytest.LogCaptureFixture) -> None:
    class Logging(CounterHandlers):
        async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
            ctx.logger.warning("%s", "counted", extra={"by": 1})
            return CounterState(last_reason=ctx.invocation_id)

    async def story() -> None:
        async with TestRuntime(Logging()) as runtime:
            answer = await CounterClient(runtime.client, "red").add(AddRequest())
        (record,) = [record for record in caplog.records if record.name == "trial.v1.Counter"]
        said = {name: vars(record)[name] for name in ("invocation_id", "handler", "key", "attempt", "by")}

        assert record.message == "counted"
        assert said == {
            "invocation_id": answer.last_reason,
            "handler": "trial.v1.Counter/Add",
            "key": "red",
            "attempt": 1,
            "by": 1,
        }

    play(story)


def test_a_line_of_a_step_says_which(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(Does(thrice), replay=False)

    steps = [vars(record)["step"] for record in caplog.records if record.name == "shop"]
    assert steps == ["one", "two"]


def test_a_handler_replays_until_it_has_repeated_its_journal_and_a_step_never_does() -> None:
    seen: list[tuple[str, bool]] = []

    def look(where: str) -> str:
        seen.append((where, is_replaying()))
        return where

    async def body(ctx: perdure.Context, text: str) -> str:
        look("handler")
        await ctx.run("step", look, "step")
        look("end")
        return text

    run(Does(body))

    assert seen == [("handler", False), ("step", False), ("handler", True), ("end", False)]


def test_outside_of_handlers_there_are_no_fields() -> None:
    assert invocation_fields() == {}
    assert not is_replaying()


def test_the_lines_of_perdure_about_an_attempt_have_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    async def body(ctx: perdure.Context, text: str) -> str:
        if ctx.attempt == 1:
            raise RuntimeError("no luck")
        return ctx.invocation_id

    async def story() -> None:
        async with TestRuntime(Does(body)) as runtime:
            answer = await TrialClient(runtime.client).first(Text())
        (record,) = [record for record in caplog.records if "no luck" in record.message]

        assert vars(record)["invocation_id"] == answer.text
        assert vars(record)["handler"] == "trial.v1.Trial/First"

    play(story)


def test_a_node_that_stops_an_attempt_says_which(caplog: pytest.LogCaptureFixture) -> None:
    async def story(room: Room) -> None:
        invocation_id = await room.submit()
        room.link.answer([EndpointFrame(slot=room.slot(invocation_id))])
        (record,) = [record for record in caplog.records if "was stopped" in record.message]

        assert vars(record)["invocation_id"] == invocation_id
        assert vars(record)["handler"] == "shop.v1.Orders/Process"
        assert vars(record)["attempt"] == 1

    play_room(story)
