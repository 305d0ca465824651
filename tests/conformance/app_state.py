"""Objects with state of every type, and one without."""

from datetime import timedelta
from typing import Any

import perdure
from conformance.v1 import (
    Answer,
    Contents,
    CupboardContext,
    CupboardHandlers,
    CupboardSharedContext,
    Key,
    LockHandlers,
    Names,
    Nothing,
    Text,
    Texts,
)

from tests.conformance.speak import ask

FIELDS = ("text", "number", "list", "map", "message", "time", "blob", "size")


class Cupboard(CupboardHandlers):
    """Puts things into its state and takes them out."""

    async def put(self, ctx: CupboardContext, request: Contents) -> Nothing:
        nothing = Contents()
        for name in FIELDS:
            value = getattr(request, name)
            if value != getattr(nothing, name):
                getattr(ctx.state, name).set(value)
        return Nothing()

    async def take(self, ctx: CupboardContext, request: Key) -> Contents:
        return await contents(ctx)

    async def look(self, ctx: CupboardSharedContext, request: Key) -> Contents:
        return await contents(ctx)

    async def clear(self, ctx: CupboardContext, request: Names) -> Nothing:
        for name in request.names:
            getattr(ctx.state, name).clear()
        return Nothing()

    async def clear_all(self, ctx: CupboardContext, request: Key) -> Nothing:
        ctx.state.clear_all()
        return Nothing()

    async def keys(self, ctx: CupboardContext, request: Key) -> Names:
        return Names(names=await ctx.state.keys())

    async def has_number(self, ctx: CupboardContext, request: Key) -> Answer:
        return Answer(yes=await ctx.state.number.exists())

    async def add_and_stumble(self, ctx: CupboardContext, request: Key) -> Contents:
        ctx.state.number.set(await ctx.state.number.get() + 1)
        await ctx.sleep(timedelta(0))
        if ctx.attempt == 1:
            raise perdure.RetryableError("the first attempt fails", retry_after=timedelta(0))
        ctx.state.number.set(await ctx.state.number.get() + 1)
        return await contents(ctx)

    async def add_and_end(self, ctx: CupboardContext, request: Key) -> Nothing:
        ctx.state.number.set(await ctx.state.number.get() + 1)
        raise perdure.TerminalError("enough", perdure.StatusCode.ABORTED)

    async def hold_number(self, ctx: CupboardContext, request: Contents) -> Contents:
        ctx.state.number.set(request.number)
        await ctx.run("ask", ask, request.key, "hold")
        return await contents(ctx)

    async def change_a_copy(self, ctx: CupboardContext, request: Key) -> Contents:
        (await ctx.state.list.get()).append("not set")
        return await contents(ctx)

    async def read_your_writes(self, ctx: CupboardContext, request: Key) -> Texts:
        seen = [await ctx.state.text.get()]
        ctx.state.text.clear()
        seen.append(await ctx.state.text.get())
        ctx.state.text.set("new")
        seen.append(await ctx.state.text.get())
        ctx.state.clear_all()
        seen.append(await ctx.state.text.get())
        ctx.state.number.set(1)
        seen.append(",".join(await ctx.state.keys()))
        return Texts(texts=seen)

    async def write_shared(self, ctx: CupboardSharedContext, request: Key) -> Text:
        text: Any = ctx.state.text  # mypy knows that it cannot be set.
        try:
            text.set("written")
        except AttributeError as error:
            return Text(text=str(error))
        return Text(text="was set")


async def contents(ctx: CupboardContext | CupboardSharedContext) -> Contents:
    """All that is there, read field by field."""
    return Contents(
        key=ctx.key,
        text=await ctx.state.text.get(),
        number=await ctx.state.number.get(),
        list=await ctx.state.list.get(),
        map=await ctx.state.map.get(),
        message=await ctx.state.message.get(),
        time=await ctx.state.time.get(),
        blob=await ctx.state.blob.get(),
        size=await ctx.state.size.get(),
    )


class Lock(LockHandlers):
    """Is held by one at a time."""

    async def hold(self, ctx: perdure.ObjectContext, request: Key) -> Text:
        return Text(text=await ctx.run("ask", ask, request.key, "hold"))


HANDLERS = (Cupboard(), Lock())
