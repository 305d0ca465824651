"""The endpoint of the benchmarks."""

import os
from datetime import timedelta

import perdure
from load.v1 import (
    AddRequest,
    Burst,
    Call,
    Count,
    CounterClient,
    CounterContext,
    CounterHandlers,
    LoadServiceClient,
    LoadServiceHandlers,
    Nap,
    RelayHandlers,
    Reply,
)

# A file that grows by a byte with each call that nobody waits for: how a benchmark knows how many have run.
TALLY = "BENCH_TALLY"
COUNTERS = 1_000


async def nothing() -> None:
    """A step without work."""


def open_tally() -> int | None:
    """The file that the environment names, if it does."""
    name = os.environ.get(TALLY)
    return os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if name else None


class Load(LoadServiceHandlers):
    """W1, W2, and invocations that are parked."""

    def __init__(self, tally: int | None) -> None:
        self._tally = tally

    async def empty(self, ctx: perdure.Context, request: Call) -> Reply:
        if self._tally is not None:
            os.write(self._tally, b".")
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

    def __init__(self, tally: int | None) -> None:
        self._tally = tally

    async def add(self, ctx: CounterContext, request: AddRequest) -> Count:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        if self._tally is not None:
            os.write(self._tally, b".")
        return Count(value=value)


class Relay(RelayHandlers):
    """W4 and W5."""

    async def ask(self, ctx: perdure.Context, request: Call) -> Reply:
        return await LoadServiceClient(ctx).empty(request)

    async def ask_counter(self, ctx: perdure.Context, request: AddRequest) -> Count:
        return await CounterClient(ctx, request.counter).add(AddRequest())

    async def send(self, ctx: perdure.Context, request: Burst) -> Reply:
        empty = LoadServiceClient(ctx).empty
        for _ in range(request.messages):
            empty.send(Call(text="hello"))
        return Reply()

    async def send_to_counters(self, ctx: perdure.Context, request: Burst) -> Reply:
        for number in range(request.messages):
            CounterClient(ctx, str(number % COUNTERS)).add.send(AddRequest())
        return Reply()


tally = open_tally()
app = perdure.Endpoint(Load(tally), Counters(tally), Relay())
