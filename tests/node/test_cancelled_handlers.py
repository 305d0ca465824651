"""Handlers on a node that are cancelled in the middle: nothing goes on beside what undoes, and every one ends."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta

import perdure
import pytest
from perdure import Context, codec
from perdure.session import EndpointSession
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node.node import Node
from perdure_runtime.storage.memory import MemoryStorage

from tests.sdk.contract import Word, endpoint

DO = Submission("testing.v1.Story", "Do", "", codec.encode(Word()))
CANCELLED = 1
Do = Callable[[Context, Word], Awaitable[Word]]


async def cancelled(do: Do, reached: asyncio.Event) -> int:
    """Cancels an invocation when its handler has come so far, and gives the code that it ends with; 0 for a result."""
    served = endpoint(do)
    node = Node(MemoryStorage())
    await node.start()
    transport = LocalTransport(lambda send: EndpointSession(served, send))
    node.invoker.add(transport, Contracts.discovered(served.discovery()))
    async with asyncio.timeout(30):
        invocation_id = await node.router.submit(DO)
        await reached.wait()
        await node.router.cancel(invocation_id)
        ended = await node.router.attach(invocation_id)
    await node.close()
    return ended.outcome.failure.code


def test_a_step_that_was_given_up_is_told_to_who_awaits_it_within_a_shield() -> None:
    async def story() -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()
        told: list[perdure.StatusCode] = []

        def fail() -> None:
            raise ValueError("503")

        async def slow() -> None:
            reached.set()
            await go_on.wait()

        async def do(ctx: Context, request: Word) -> Word:
            retry = perdure.RetryPolicy(initial_interval=timedelta(hours=1))
            tried, running = ctx.run("try", fail, retry=retry), ctx.run("slow", slow)
            await perdure.race(running, ctx.sleep(timedelta(milliseconds=100)))
            with ctx.shield():
                with pytest.raises(perdure.TerminalError) as error:
                    await tried
                told.append(error.value.code)
                go_on.set()
            await running
            return Word()

        await cancelled(do, reached)
        assert told == [perdure.StatusCode.CANCELLED]

    asyncio.run(story())


def test_what_a_shield_asks_for_after_the_cancellation_is_let_end_before_it_is_undone() -> None:
    async def story() -> None:
        reached = asyncio.Event()
        log: list[str] = []

        async def audit() -> None:
            reached.set()
            await asyncio.sleep(0.1)

        async def charge() -> None:
            log.append("charge begins")
            await asyncio.sleep(0.1)
            log.append("charge is done")

        async def do(ctx: Context, request: Word) -> Word:
            async with perdure.Saga(ctx) as saga:
                saga.compensate("refund", log.append, "refund")
                with ctx.shield():
                    await ctx.run("audit", audit)
                    paid = ctx.run("charge", charge)
                await paid
                await ctx.sleep(timedelta(days=1))
            return Word()

        assert await cancelled(do, reached) == CANCELLED
        assert log == ["charge begins", "charge is done", "refund"]

    asyncio.run(story())


async def gathered(*sagas: Awaitable[None]) -> None:
    await asyncio.gather(*sagas)


async def grouped(*sagas: Awaitable[None]) -> None:
    async with asyncio.TaskGroup() as group:
        for saga in sagas:
            group.create_task(asyncio.wait_for(saga, None))


@pytest.mark.parametrize("beside_each_other", [gathered, grouped])
def test_sagas_in_tasks_of_a_handler_undo_before_it_goes_on(
    beside_each_other: Callable[..., Awaitable[None]],
) -> None:
    async def story() -> None:
        reached = asyncio.Event()
        log: list[str] = []

        async def book(ctx: Context, what: str) -> None:
            async with perdure.Saga(ctx) as saga:
                saga.compensate(f"undo {what}", log.append, f"undo {what}")
                await ctx.run(f"book {what}", log.append, f"book {what}")
                if len(log) == 2:
                    reached.set()
                await ctx.sleep(timedelta(days=1))

        async def do(ctx: Context, request: Word) -> Word:
            try:
                await beside_each_other(book(ctx, "a"), book(ctx, "b"))
            finally:
                log.append("the handler goes on")
            return Word()

        assert await cancelled(do, reached) == CANCELLED
        assert sorted(log[:2]) == ["book a", "book b"]
        assert log[2:] == ["undo a", "undo b", "the handler goes on"]

    asyncio.run(story())


def test_a_step_that_an_earlier_attempt_has_left_running_ends_before_it_is_undone() -> None:
    async def story() -> None:
        reached, loop = asyncio.Event(), asyncio.get_running_loop()
        log: list[str] = []
        go_on = threading.Event()
        tries = 0

        def charge() -> None:
            log.append("charge begins")
            assert go_on.wait(10)
            log.append("charge is done")

        async def flaky() -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise perdure.RetryableError("503", retry_after=timedelta(milliseconds=200))
            reached.set()
            await asyncio.sleep(0.05)
            loop.call_later(0.1, go_on.set)

        async def do(ctx: Context, request: Word) -> Word:
            async with perdure.Saga(ctx) as saga:
                saga.compensate("refund", log.append, "refund")
                await perdure.gather(ctx.run("charge", charge), ctx.run("flaky", flaky))
                await ctx.sleep(timedelta(days=1))
            return Word()

        assert await cancelled(do, reached) == CANCELLED
        assert log == ["charge begins", "charge is done", "refund"]

    asyncio.run(story())


def test_a_saga_leaves_alone_what_was_asked_for_before_it_began() -> None:
    async def story() -> None:
        reached = asyncio.Event()
        log: list[str] = []

        async def slow() -> None:
            await asyncio.sleep(0.2)
            log.append("slow is done")

        async def do(ctx: Context, request: Word) -> Word:
            before = ctx.run("slow", slow)
            saga = perdure.Saga(ctx)
            saga.compensate("undo", log.append, "undone")
            await saga.undo()
            reached.set()
            await before
            return Word()

        await cancelled(do, reached)
        assert log == ["undone", "slow is done"]

    asyncio.run(story())
