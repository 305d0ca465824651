"""How an attempt begins and ends."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from perdure import Context, StatusCode, TerminalError, UsageError

from tests.sdk.contract import Word, endpoint
from tests.sdk.node import NOW_MS, Node, play, turns


def test_the_response_of_a_handler_is_its_outcome() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=f"{request.text} {ctx.invocation_id} {ctx.attempt}")

    async def story(node: Node) -> None:
        node.start(request=Word(text="hello"), attempt=3)
        assert (await node.result()).text == "hello inv_1 3"

    play(do, story)


def test_a_terminal_error_is_an_outcome_with_code_and_details() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        raise TerminalError("no", StatusCode.NOT_FOUND, [Word(text="why")])

    async def story(node: Node) -> None:
        node.start()
        failure = await node.failure()
        assert (failure.code, failure.message, len(failure.details)) == (StatusCode.NOT_FOUND.value, "no", 1)

    play(do, story)


def test_any_other_error_fails_the_attempt_with_its_traceback() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        raise KeyError("sku")

    async def story(node: Node) -> None:
        node.start()
        failure = (await node.next()).attempt_failure
        assert failure.message == "KeyError: 'sku'"
        assert "in do" in failure.stacktrace
        assert not failure.journal_mismatch

    play(do, story)


@pytest.mark.parametrize("response", [None, "text", Word])
def test_a_response_of_another_type_fails_the_attempt(response: Any) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return response  # type: ignore[no-any-return]  # the point

    async def story(node: Node) -> None:
        node.start()
        assert "its contract says Word" in await node.failed()

    play(do, story)


def test_a_response_that_cannot_be_encoded_fails_the_attempt() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(number="seven")  # type: ignore[arg-type]  # the point

    async def story(node: Node) -> None:
        node.start()
        assert await node.failed()
        node.start("Counter/Add", slot=2, key="a")
        await node.result()

    play(do, story)


def test_a_terminal_error_whose_details_cannot_be_encoded_fails_the_attempt() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        raise TerminalError("no", details=["no message"])  # type: ignore[list-item]  # the point

    async def story(node: Node) -> None:
        node.start()
        assert await node.failed()

    play(do, story)


def test_a_request_that_is_none_is_a_terminal_error() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        raise AssertionError("it cannot even start")

    async def story(node: Node) -> None:
        node.start(raw=b"\x0a\xff")
        assert (await node.failure()).code == StatusCode.INVALID_ARGUMENT.value

    play(do, story)


def test_a_handler_that_this_endpoint_does_not_serve_fails_the_attempt_with_what_it_serves() -> None:
    async def story(node: Node) -> None:
        node.start("Gone/Do")
        message = await node.failed()
        assert "testing.v1.Gone/Do" in message
        assert "testing.v1.Story" in message

    play(endpoint(), story)


def test_an_abort_stops_the_handler_and_nothing_more_is_said() -> None:
    stopped = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        try:
            await ctx.sleep(timedelta(seconds=1))
        finally:
            stopped.set()
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.abort()
        await stopped.wait()
        await node.silence()

    play(do, story)


def test_frames_for_an_attempt_that_has_ended_are_ignored() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        ctx.sleep(timedelta(seconds=1))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.result()
        node.complete(0)
        node.grant(0)
        node.accept(0)
        node.abort()
        await node.silence()

    play(do, story)


def test_a_frame_that_makes_no_sense_fails_its_attempt_only() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(timedelta(seconds=1))
        return Word()

    async def story(node: Node) -> None:
        for slot in (1, 2):
            node.start(slot=slot)
            await node.entry()
        node.complete(7)
        assert "ProtocolViolation" in await node.failed()
        node.complete(0, slot=2)
        await node.result()

    play(do, story)


def test_frames_of_one_turn_of_the_loop_go_together() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        ctx.sleep(timedelta(seconds=1))
        ctx.sleep(timedelta(seconds=2))
        return Word()

    async def story(node: Node) -> None:
        node.start(slot=1)
        node.start(slot=2)
        await turns()
        assert [len(batch) for batch in node.batches] == [6]

    play(do, story)


def test_a_context_that_outlives_its_handler_is_refused() -> None:
    kept: list[Context] = []

    async def do(ctx: Context, request: Word) -> Word:
        kept.append(ctx)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()
        with pytest.raises(UsageError, match=r"after testing\.v1\.Story/Do had ended"):
            kept[0].sleep(timedelta(seconds=1))

    play(do, story)


def test_a_result_awaited_outside_of_its_handler_is_refused() -> None:
    kept: list[Any] = []

    async def do(ctx: Context, request: Word) -> Word:
        kept.append(ctx.sleep(timedelta(seconds=1)))
        await kept[0]
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        with pytest.raises(UsageError, match="awaited outside of its handler"):
            await kept[0]

    play(do, story)


def test_a_handler_that_was_stopped_issues_nothing_more() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        try:
            await ctx.sleep(timedelta(seconds=1))
        except asyncio.CancelledError:
            ctx.run("cleanup", print)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.abort()
        await node.silence()

    play(do, story)


def test_closing_the_session_stops_all_handlers() -> None:
    stopped: list[int] = []

    async def do(ctx: Context, request: Word) -> Word:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(request.number)
        return Word()

    async def story(node: Node) -> None:
        for number in (1, 2, 3):
            node.start(slot=number, request=Word(number=number))
        await turns()
        await node.session.close()
        assert sorted(stopped) == [1, 2, 3]
        assert node.batches == []

    play(do, story)


def test_a_thousand_handlers_that_wait_go_on_together() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(timedelta(seconds=1))
        return request

    async def story(node: Node) -> None:
        for slot in range(1, 1001):
            node.start(slot=slot, request=Word(number=slot))
        for _ in range(1000):
            await node.entry()
        for slot in range(1, 1001):
            node.complete(0, slot=slot)
        assert sorted([(await node.result()).number for _ in range(1000)]) == list(range(1, 1001))

    play(do, story)


def test_the_handler_reads_the_time_of_the_invocation_then_of_the_last_result() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first = ctx.now()
        await ctx.sleep(timedelta(seconds=1))
        return Word(number=round((ctx.now() - first).total_seconds() * 1000))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.complete(0, at_ms=NOW_MS + 1_234)
        assert (await node.result()).number == 1_234

    play(do, story)


def test_random_numbers_and_uuids_are_the_same_in_every_attempt() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=f"{ctx.uuid4()} {ctx.uuid4()} {ctx.random.random()} {ctx.random.randint(0, 10**9)}")

    async def story(node: Node) -> None:
        texts = []
        for attempt in (1, 2):
            node.start(slot=attempt, attempt=attempt)
            texts.append((await node.result()).text)
        assert texts[0] == texts[1]
        first, second, *_ = texts[0].split()
        assert first != second

    play(do, story)


def test_a_context_tells_the_facts_of_its_invocation() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        assert dict(ctx.headers) == {}
        return Word(text=f"{ctx.invocation_id} {ctx.attempt} {ctx.deployment_id} {ctx.idempotency_key!r}")

    async def story(node: Node) -> None:
        node.start(attempt=2)
        assert (await node.result()).text == "inv_1 2 dep_1 ''"

    play(do, story)
