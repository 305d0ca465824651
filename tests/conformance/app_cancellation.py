"""Handlers that are cancelled, and what they do about it."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import perdure
from conformance.v1 import (
    Branch,
    CancellableClient,
    CancellableHandlers,
    Failure,
    Nothing,
    Text,
    TreeClient,
    TreeHandlers,
    WayToWait,
)

from tests.conformance.app_failures import caught
from tests.conformance.speak import ask, tell

LONG = timedelta(days=30)


class Tree(TreeHandlers):
    """Branches that call branches, down to a leaf."""

    async def grow(self, ctx: perdure.Context, request: Branch) -> Text:
        name = str(request.height)
        try:
            await ctx.run("grown", tell, request.scene, f"{name} {ctx.invocation_id}")
            if request.height == 0:
                return await ctx.signal("go", Text)
            return await TreeClient(ctx).grow(Branch(scene=request.scene, height=request.height - 1))
        except perdure.TerminalError as error:
            await ctx.run("fallen", tell, request.scene, f"{name} {type(error).__name__} {error.code.name}")
            raise

    async def grow_explicit(self, ctx: perdure.Context, request: Branch) -> Text:
        below = TreeClient(ctx).grow(Branch(scene=request.scene, height=request.height - 1))
        name, _ = await perdure.select(below=below, cancelled=ctx.cancellation())
        await ctx.run("tell", tell, request.scene, f"explicit {name}")
        return await below


class Cancellable(CancellableHandlers):
    """Waits in every way, and shows what can be done after a cancellation."""

    async def wait(self, ctx: perdure.Context, request: WayToWait) -> Text:
        try:
            await wait_for_ever(ctx, request)
        except perdure.CancelledInvocation as error:
            # It is raised once: all that is durable works again.
            await ctx.sleep(timedelta(milliseconds=1))
            undone = await ctx.run("undo", ask, request.scene, "undo?")
            return Text(text=f"{error.code.name} {undone}")
        return Text(text="not cancelled")

    async def compensate(self, ctx: perdure.Context, request: Text) -> Nothing:
        try:
            await ctx.run("book", tell, request.text, "book")
            await ctx.sleep(LONG)
        except perdure.TerminalError:
            await ctx.run("unbook", tell, request.text, "unbook")
            raise
        return Nothing()

    async def saga(self, ctx: perdure.Context, request: Text) -> Nothing:
        async with perdure.Saga(ctx) as saga:
            saga.compensate("unbook", tell, request.text, "unbook")
            await ctx.run("book", tell, request.text, "book")
            await ctx.run("pay", tell, request.text, "pay")
            saga.compensate_with(lambda: ctx.run("refund", tell, request.text, "refund"))
            await ctx.run("reach", tell, request.text, "both are done")
            await ctx.sleep(LONG)
        return Nothing()

    async def saga_of_steps(self, ctx: perdure.Context, request: Text) -> Text:
        async with perdure.Saga(ctx) as saga:
            for name in ("one", "two", "three"):
                saga.compensate(f"undo {name}", tell, request.text, f"undo {name}")
                await ctx.run(name, do_or_end, request.text, name)
        return Text(text="all done")

    async def shielded(self, ctx: perdure.Context, request: Text) -> Text:
        with ctx.shield():
            await ctx.run("in the shield", ask, request.text, "in the shield")
            await ctx.sleep(timedelta(milliseconds=1))
            await ctx.run("still there", tell, request.text, "still there")
        try:
            await ctx.sleep(LONG)
        except perdure.CancelledInvocation:
            return Text(text="cancelled after the shield")
        return Text(text="not cancelled")

    async def cancel_what_it_sent(self, ctx: perdure.Context, request: Text) -> Failure:
        sent = await CancellableClient(ctx).compensate.send(request)
        await ctx.run("wait", ask, request.text, "sent")
        await sent.cancel()
        return await failure_of(sent.attach())

    async def cancel_what_it_called(self, ctx: perdure.Context, request: Text) -> Failure:
        called = CancellableClient(ctx).compensate(request)
        await ctx.run("wait", ask, request.text, "called")
        await ctx.cancel(called)
        return await failure_of(called)

    async def cancel(self, ctx: perdure.Context, request: Text) -> Nothing:
        await ctx.handle(request.text, Nothing).cancel()
        return Nothing()


async def wait_for_ever(ctx: perdure.Context, request: WayToWait) -> None:
    """Waits for what does not come."""
    await ctx.run("begin", tell, request.scene, "begin")
    match request.way:
        case "sleep":
            await ctx.sleep(LONG)
        case "awakeable":
            await ctx.awakeable(Text)
        case "signal":
            await ctx.signal("never", Text)
        case "call":
            await TreeClient(ctx).grow(Branch(scene=f"{request.scene}-leaf"))
        case "attach":
            sent = await TreeClient(ctx).grow.send(Branch(scene=f"{request.scene}-leaf"))
            await sent.attach()
        case "step":
            await ctx.run("ask", ask, request.scene, "to the end")
            await ctx.sleep(LONG)
        case "interruptible step":
            await ctx.run("ask", perdure.interruptible(ask), request.scene, "never answered")
        case "gather":
            await perdure.gather(ctx.sleep(LONG), ctx.awakeable(Text))
        case "asyncio":
            await asyncio.gather(ctx.sleep(LONG), ctx.signal("never", Text))
        case way:
            raise perdure.TerminalError(f"no way to wait: {way}")


async def failure_of(result: Awaitable[Nothing]) -> Failure:
    """The terminal error of something."""
    try:
        await result
    except perdure.TerminalError as error:
        return caught(error)
    return Failure()


async def do_or_end(scene: str, name: str) -> None:
    """Does what the stage says: "ok", or ends with a terminal error."""
    answer = await ask(scene, name)
    if answer != "ok":
        raise perdure.TerminalError(answer, perdure.StatusCode.FAILED_PRECONDITION)


HANDLERS = (Tree(), Cancellable())
