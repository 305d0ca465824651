"""Workflows: their promises as commands of the journal, and their clients inside handlers."""

import pytest
from perdure import Context, StatusCode, TerminalError, UsageError, codec
from perdure.run_method import BlockingRunMethod, RunMethod
from perdure.sync_client import SyncClient
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    CompletePromiseCommand,
    Entry,
    GetPromiseCommand,
    InvocationName,
    Outcome,
    PeekPromiseCommand,
    Target,
)

from tests.sdk.contract import CounterState, Word
from tests.sdk.flow import FlowClient, FlowContext, FlowSharedContext, flow
from tests.sdk.node import Node, done, outcome, play

PAID = codec.encode(Word(text="paid"))
RUN = InvocationName(workflow=Target(service="testing.v1.Flow", handler="Run", key="ada"))


def test_the_run_waits_for_a_promise_and_has_typed_state() -> None:
    async def run(ctx: FlowContext, request: Word) -> Word:
        verified = await ctx.promises.verified.value()
        ctx.state.value.set(7)
        return Word(text=verified.text, counter=ctx.key, number=await ctx.state.value.get())

    async def story(node: Node) -> None:
        node.start("Flow/Run", key="ada")
        wait = await node.entry()
        assert wait == Entry(get_promise=GetPromiseCommand(name="verified"))
        node.complete(0, PAID)
        assert (await node.entry()).HasField("set_state")
        assert await node.result() == Word(text="paid", counter="ada", number=7)
        node.start("Flow/Run", [wait, done(0, PAID)], slot=2, key="ada", attempt=2)
        assert (await node.entry()).HasField("set_state")
        assert await node.result() == Word(text="paid", counter="ada", number=7)

    play(flow(run), story)


def test_a_rejected_promise_is_raised_where_it_is_awaited() -> None:
    async def run(ctx: FlowContext, request: Word) -> Word:
        with pytest.raises(TerminalError, match="ABORTED: expired"):
            await ctx.promises.verified.value()
        with pytest.raises(TerminalError, match="ABORTED: expired"):
            await ctx.promises.verified.peek()
        return Word()

    async def story(node: Node) -> None:
        node.start("Flow/Run", key="ada")
        await node.entry()
        node.fail(0, StatusCode.ABORTED.value, "expired")
        await node.entry()
        rejected = Outcome()
        rejected.failure.code, rejected.failure.message = StatusCode.ABORTED.value, "expired"
        node.complete(1, rejected.SerializeToString())
        await node.result()

    play(flow(run), story)


def test_a_shared_handler_looks_at_a_promise_and_resolves_it() -> None:
    async def verify(ctx: FlowSharedContext, request: Word) -> Word:
        promise = ctx.promises.verified
        assert await promise.peek() is None
        await promise.resolve(Word(text="paid"))
        return await promise.peek() or Word()

    async def story(node: Node) -> None:
        node.start("Flow/Verify", key="ada")
        assert await node.entry() == Entry(peek_promise=PeekPromiseCommand(name="verified"))
        node.complete(0)
        resolving = CompletePromiseCommand(name="verified", result=Outcome(value=PAID))
        assert await node.entry() == Entry(complete_promise=resolving)
        node.complete(1)
        await node.entry()
        node.complete(2, outcome(PAID))
        assert (await node.result()).text == "paid"

    play(flow(verify=verify), story)


def test_a_promise_that_has_a_result_is_an_error_for_whoever_gives_it_another() -> None:
    async def verify(ctx: FlowSharedContext, request: Word) -> Word:
        with pytest.raises(TerminalError, match="ALREADY_EXISTS"):
            await ctx.promises.verified.reject("expired", code=StatusCode.ABORTED)
        return Word()

    async def story(node: Node) -> None:
        node.start("Flow/Verify", key="ada")
        failure = (await node.entry()).complete_promise.result.failure
        assert (failure.code, failure.message) == (StatusCode.ABORTED.value, "expired")
        node.fail(0, StatusCode.ALREADY_EXISTS.value, "it has a result")
        await node.result()

    play(flow(verify=verify), story)


def test_a_promise_takes_only_its_message() -> None:
    async def verify(ctx: FlowSharedContext, request: Word) -> Word:
        with pytest.raises(UsageError, match="promise 'verified' takes a Word, as its contract says, not a CounterSt"):
            ctx.promises.verified.resolve(CounterState())  # type: ignore[arg-type]  # the point
        return Word()

    async def story(node: Node) -> None:
        node.start("Flow/Verify", key="ada")
        await node.result()

    play(flow(verify=verify), story)


# Clients of workflows inside handlers.


def test_a_run_may_have_to_be_new() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        run = FlowClient(ctx, "ada").run
        await run(Word())
        await run(Word(), must_be_new=True)
        await run.send(Word(), must_be_new=True, idempotency_key="k")
        return Word()

    async def story(node: Node) -> None:
        node.start()
        assert not (await node.entry()).call.must_be_new
        node.complete(0)
        assert (await node.entry()).call.must_be_new
        node.complete(1)
        sent = (await node.entry()).send
        assert (sent.must_be_new, sent.idempotency_key) == (True, "k")
        node.complete(2, b"inv_2")
        await node.result()

    play(do, story)


def test_a_run_is_asked_about_by_the_id_of_its_workflow() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        run = FlowClient(ctx, "ada").run
        assert await run.output() is None
        await run.cancel()
        return await run.attach()

    async def story(node: Node) -> None:
        node.start()
        assert (await node.entry()).output.invocation == RUN
        node.complete(0)
        assert (await node.entry()).cancel.name == RUN
        node.complete(1)
        assert (await node.entry()).attach.invocation == RUN
        node.complete(2, PAID)
        assert (await node.result()).text == "paid"

    play(do, story)


def test_a_client_of_a_workflow_gives_a_run_that_awaits_or_blocks_by_its_caller() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        assert isinstance(FlowClient(ctx, "ada").run, RunMethod)
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)
    assert isinstance(FlowClient(SyncClient("localhost:1"), "ada").run, BlockingRunMethod)
