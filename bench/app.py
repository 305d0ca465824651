"""The endpoint of the benchmarks."""

import perdure
from load.v1 import (
    AddRequest,
    Call,
    Count,
    CounterContext,
    CounterHandlers,
    LoadServiceHandlers,
    Reply,
)


async def nothing() -> None:
    """A step without work."""


class Load(LoadServiceHandlers):
    """W1 and W2."""

    async def empty(self, ctx: perdure.Context, request: Call) -> Reply:
        return Reply(text=request.text)

    async def steps(self, ctx: perdure.Context, request: Call) -> Reply:
        await ctx.run("one", nothing)
        await ctx.run("two", nothing)
        await ctx.run("three", nothing)
        return Reply(text=request.text)


class Counters(CounterHandlers):
    """W3."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> Count:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        return Count(value=value)


app = perdure.Endpoint(Load(), Counters())
