"""What the tests call: an object that remembers every message it was given, in order."""

import perdure
from trial.v1 import AddRequest, CounterContext, CounterHandlers, CounterState, Text, TrialHandlers

HANDLER = "trial.v1.Counter/Add"
PLAIN = "trial.v1.Trial/First"


class Counting(CounterHandlers):
    """Counts, and keeps why, one word after the other."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
        value = await ctx.state.value.get() + 1
        reasons = f"{await ctx.state.last_reason.get()} {request.reason}"
        ctx.state.value.set(value)
        ctx.state.last_reason.set(reasons)
        return CounterState(value=value)


class Saying(TrialHandlers):
    """Says what it was told."""

    async def first(self, ctx: perdure.Context, request: Text) -> Text:
        return request

    async def second(self, ctx: perdure.Context, request: Text) -> Text:
        return request


app = perdure.Endpoint(Counting(), Saying())
