"""The client of a test does what a ``perdure.Client`` does."""

import perdure
import pytest
from perdure.testing import TestRuntime, durable
from trial.v1 import AddRequest, AnswerRequest, CounterClient, QuestClient, QuestRequest, Text, TrialClient

from tests.testing.handlers import Counting, Does, Questing, sleep_a_month


async def await_payment(ctx: perdure.Context, text: str) -> str:
    """Waits for somebody outside, whom the journal of a step has told how."""
    payment = ctx.awakeable(Text)
    await ctx.run("ask", str, payment.id)
    return (await payment).text


@durable
async def test_an_awakeable_is_resolved_with_its_message_and_no_other() -> None:
    async with TestRuntime(Does(first=await_payment)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())
        await runtime.settle()
        (awakeable,) = [
            entry.message.awakeable.id
            for entry in (await runtime.journal(handle.invocation_id)).entries
            if entry.kind == "awakeable"
        ]
        with pytest.raises(perdure.TerminalError, match=r"takes a trial\.v1\.Text, not a trial\.v1\.AddRequest"):
            await runtime.client.resolve_awakeable(awakeable, AddRequest())
        await runtime.client.resolve_awakeable(awakeable, Text(text="paid"))
        assert (await handle.attach()).text == "paid"


@durable
async def test_an_awakeable_is_rejected() -> None:
    ids: list[str] = []

    async def await_payment(ctx: perdure.Context, text: str) -> str:
        payment = ctx.awakeable(Text)
        await ctx.run("ask", ids.append, payment.id)
        return (await payment).text

    async with TestRuntime(Does(first=await_payment)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())
        await runtime.settle()
        await runtime.client.reject_awakeable(ids[0], "declined", code=perdure.StatusCode.ABORTED)
        with pytest.raises(perdure.TerminalError, match="ABORTED: declined"):
            await handle.attach()


@durable
async def test_an_awakeable_that_never_was_is_not_found() -> None:
    async with TestRuntime(Does()) as runtime:
        with pytest.raises(perdure.TerminalError, match="NOT_FOUND: there is no awakeable 'awk_1'"):
            await runtime.client.resolve_awakeable("awk_1", Text())


@durable
async def test_a_cancelled_invocation_ends_as_that() -> None:
    async with TestRuntime(Does(first=sleep_a_month)) as runtime:
        handle = await TrialClient(runtime.client).first.send(Text())
        await runtime.settle()
        await handle.cancel()
        with pytest.raises(perdure.TerminalError) as raised:
            await handle.attach()
    assert raised.value.code is perdure.StatusCode.CANCELLED


@durable
async def test_a_workflow_is_run_asked_and_attached_to_by_its_id() -> None:
    async with TestRuntime(Questing()) as runtime:
        quest = QuestClient(runtime.client, "grail")
        await quest.run.send(QuestRequest())
        assert await quest.run.output() is None
        await quest.answer(AnswerRequest(answer=Text(text="blue")))
        assert (await quest.run.attach()).text == "blue"
        with pytest.raises(perdure.TerminalError, match="this workflow id has run") as raised:
            await quest.run(QuestRequest(), must_be_new=True)
    assert raised.value.code is perdure.StatusCode.ALREADY_EXISTS


@durable
async def test_two_calls_with_one_idempotency_key_are_one() -> None:
    async with TestRuntime(Counting()) as runtime:
        counter = CounterClient(runtime.client, "c")
        results = [await counter.add(AddRequest(), idempotency_key="once") for _ in range(2)]
    assert [result.value for result in results] == [1, 1]


@durable
async def test_an_invocation_that_never_was_is_not_found() -> None:
    async with TestRuntime(Does()) as runtime:
        with pytest.raises(perdure.TerminalError, match="there is no invocation 'inv_0'"):
            await runtime.client.handle("inv_0", Text).attach()
        with pytest.raises(perdure.UsageError, match="there was no invocation 'inv_0' in this test"):
            await runtime.journal("inv_0")


@durable
async def test_a_runtime_that_is_not_open_says_how_to_open_it() -> None:
    runtime = TestRuntime(Does())
    with pytest.raises(perdure.UsageError, match="async with TestRuntime"):
        await TrialClient(runtime.client).first(Text())
    with pytest.raises(perdure.UsageError, match="async with TestRuntime"):
        await runtime.settle()
