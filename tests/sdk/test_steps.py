"""Steps: granted, run, journaled, tried again."""

import asyncio
import threading
import time
from datetime import timedelta

import pytest
from perdure import CallError, Context, RetryableError, RetryPolicy, StatusCode, TerminalError, codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, StepFailure

from tests.sdk.contract import Word
from tests.sdk.node import Node, completed, play, ran, turns

OFTEN = RetryPolicy(initial_interval=timedelta(0), max_attempts=3)


def test_a_step_starts_when_it_is_granted_and_its_result_is_seen_when_it_is_accepted() -> None:
    log: list[str] = []

    def greet() -> str:
        log.append("runs")
        return "hello"

    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=await ctx.run("greet", greet))

    async def story(node: Node) -> None:
        node.start()
        assert await node.entry() == ran("greet")
        await node.silence()
        assert log == []
        node.grant(0)
        reported = await node.entry()
        assert reported.completion.command == 0
        await node.silence()
        assert log == ["runs"]
        node.accept(0)
        assert (await node.result()).text == "hello"

    play(do, story)


def test_a_sync_function_runs_in_a_thread_and_the_loop_goes_on() -> None:
    go_on = threading.Event()
    threads: list[str] = []

    def blocking() -> int:
        threads.append(threading.current_thread().name)
        assert go_on.wait(timeout=20)
        return 7

    async def do(ctx: Context, request: Word) -> Word:
        return Word(number=await ctx.run("block", blocking))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        await node.silence()
        go_on.set()
        await node.entry()
        node.accept(0)
        assert (await node.result()).number == 7
        assert threads != [threading.current_thread().name]

    play(do, story)


def test_many_sync_steps_run_at_once() -> None:
    together = threading.Barrier(40)

    async def do(ctx: Context, request: Word) -> Word:
        steps = [ctx.run(f"wait {number}", together.wait, 20) for number in range(40)]
        await asyncio.gather(*steps)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for number in range(40):
            await node.entry()
            node.grant(number)
        for _ in range(40):
            node.accept((await node.entry()).completion.command)
        await node.result()

    play(do, story)


def test_a_terminal_error_of_a_step_is_journaled_with_code_and_details_and_raised() -> None:
    async def broke() -> None:
        raise TerminalError("no money", StatusCode.FAILED_PRECONDITION, [Word(text="detail")])

    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError) as raised:
            await ctx.run("charge", broke)
        assert len(raised.value.details) == 1
        return Word(text=str(raised.value))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        reported = (await node.entry()).completion
        assert reported.failure.code == StatusCode.FAILED_PRECONDITION.value
        assert len(reported.failure.details) == 1
        node.accept(0)
        assert (await node.result()).text == "FAILED_PRECONDITION: no money"

    play(do, story)


def test_another_error_of_a_step_without_a_policy_fails_the_attempt() -> None:
    async def broke() -> None:
        raise ValueError("no luck")

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("charge", broke)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        assert await node.failed() == "ValueError: no luck"

    play(do, story)


def test_a_call_whose_outcome_is_not_known_is_no_result_of_a_step() -> None:
    async def broke() -> None:
        raise CallError("nobody there", StatusCode.UNAVAILABLE)

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("call", broke)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        assert "nobody there" in await node.failed()

    play(do, story)


def test_a_policy_tries_again_and_each_failure_is_journaled() -> None:
    tries: list[int] = []

    async def sometimes() -> int:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError(f"try {len(tries)}")
        return len(tries)

    async def do(ctx: Context, request: Word) -> Word:
        return Word(number=await ctx.run("try", sometimes, retry=OFTEN))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        assert (await node.entry()).step_failure.message == "ValueError: try 1"
        assert (await node.entry()).step_failure.message == "ValueError: try 2"
        assert (await node.entry()).completion.value == b"3"
        node.accept(0)
        assert (await node.result()).number == 3

    play(do, story)


def test_failures_of_earlier_attempts_count_and_a_policy_ends_in_a_terminal_error() -> None:
    async def broke() -> int:
        raise ValueError("again")

    async def do(ctx: Context, request: Word) -> Word:
        return Word(number=await ctx.run("try", broke, retry=OFTEN))

    async def story(node: Node) -> None:
        failure = Entry(step_failure=StepFailure(command=0, message="ValueError: again"))
        node.start(journal=[ran("try"), failure, failure], attempt=2)
        node.grant(0)
        assert "failed 3 times: ValueError: again" in (await node.entry()).completion.failure.message
        node.accept(0)
        assert "failed 3 times" in (await node.failure()).message

    play(do, story)


def test_a_policy_tries_no_longer_than_its_duration_counted_from_the_first_failure_of_any_attempt() -> None:
    policy = RetryPolicy(initial_interval=timedelta(0), max_duration=timedelta(hours=1))

    def fail() -> None:
        raise ValueError("timeout")

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("step", fail, retry=policy)
        return Word()

    def failed_at(at_ms: int) -> Entry:
        return Entry(step_failure=StepFailure(command=0, at_ms=at_ms, message="timeout"))

    async def story(node: Node) -> None:
        now_ms = time.time_ns() // 1_000_000
        half_an_hour_ago, long_ago = now_ms - 1_800_000, now_ms - 3_600_000
        node.start(journal=[ran("step"), failed_at(half_an_hour_ago)], attempt=2)
        node.grant(0)
        assert (await node.entry()).HasField("step_failure"), "there is time left"
        node.abort()
        node.start(slot=1, journal=[ran("step"), failed_at(long_ago), failed_at(half_an_hour_ago)], attempt=3)
        node.grant(0)
        assert (await node.entry()).completion.failure.message == "step 'step' failed 3 times: ValueError: timeout"

    play(do, story)


def test_a_retryable_error_says_when_the_next_attempt_starts() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        raise RetryableError("later", retry_after=timedelta(seconds=9))

    async def story(node: Node) -> None:
        node.start()
        failure = (await node.next()).attempt_failure
        assert (failure.message, failure.retry_after_ms) == ("RetryableError: later", 9_000)

    play(do, story)


def test_a_step_whose_result_stands_in_the_journal_does_not_run_again() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=await ctx.run("greet", pytest.fail, "it ran again"))

    async def story(node: Node) -> None:
        node.start(journal=[ran("greet"), completed(0, "recorded")], attempt=2)
        assert (await node.result()).text == "recorded"

    play(do, story)


def test_a_step_without_a_result_in_the_journal_waits_for_a_new_grant() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(number=await ctx.run("count", lambda: 1))

    async def story(node: Node) -> None:
        node.start(journal=[ran("count")], attempt=2)
        await node.silence()
        node.grant(0)
        await node.entry()
        node.accept(0)
        assert (await node.result()).number == 1

    play(do, story)


def test_an_abort_cancels_the_step_that_runs() -> None:
    cancelled = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("wait", long)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        await node.silence()
        node.abort()
        await cancelled.wait()
        await node.silence()

    play(do, story)


def test_a_step_of_an_aborted_attempt_is_not_tried_again_whatever_it_makes_of_its_cancellation() -> None:
    tries: list[int] = []

    async def stubborn() -> None:
        tries.append(1)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise ValueError("I make an error of it") from error

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("wait", stubborn, retry=OFTEN)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        await node.silence()
        node.abort()
        await node.silence()
        assert tries == [1]

    play(do, story)


def test_a_step_that_cancels_itself_fails_as_with_any_error() -> None:
    async def cancel() -> None:
        raise asyncio.CancelledError

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("cancel", cancel)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.grant(0)
        assert "cancelled itself" in await node.failed()

    play(do, story)


def test_a_handler_that_ends_cancels_steps_it_did_not_await() -> None:
    cancelled = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def do(ctx: Context, request: Word) -> Word:
        ctx.run("forgotten", long)
        await ctx.sleep(timedelta(seconds=1))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.entry()
        node.grant(0)
        await turns()
        node.complete(1)
        await node.result()
        await cancelled.wait()

    play(do, story)


def test_a_result_that_cannot_be_read_fails_the_attempt_and_not_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(failure: Failure) -> TerminalError:
        raise codec.MalformedMessage("these details are broken")

    monkeypatch.setattr("perdure.attempt.error_of", broken)

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("charge", print)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("charge"), Entry(completion=Completion(command=0, failure=Failure(code=9)))])
        assert "these details are broken" in await node.failed()
        node.start("Counter/Add", slot=2, key="a")
        await node.result()

    play(do, story)
