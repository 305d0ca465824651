"""The endpoint of the benchmarks."""

from datetime import timedelta

import perdure
from load.v1 import (
    AddRequest,
    Call,
    Count,
    CounterContext,
    CounterHandlers,
    LoadServiceHandlers,
    Nap,
    Reply,
)


async def nothing() -> None:
    """A step without work."""


class Load(LoadServiceHandlers):
    """W1, W2, and invocations that are parked."""

    async def empty(self, ctx: perdure.Context, request: Call) -> Reply:
        return Reply(text=request.text)

    async def steps(self, ctx: perdure.Context, request: Call) -> Reply:
        await ctx.run("one", nothing)
        await ctx.run("two", nothing)
        await ctx.run("three", nothing)
        return Reply(text=request.text)

    async def sleep(self, ctx: perdure.Context, request: Nap) -> Reply:
        await ctx.sleep(timedelta(milliseconds=request.duration_ms))
        return Reply()


class Counters(CounterHandlers):
    """W3."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> Count:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        return Count(value=value)


app = perdure.Endpoint(Load(), Counters())
