"""Small handlers that the tests of ``perdure.testing`` run."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import perdure
from betterproto.lib.google.protobuf import Empty
from trial.v1 import (
    AddRequest,
    AnswerRequest,
    CounterClient,
    CounterContext,
    CounterHandlers,
    CounterState,
    QuestContext,
    QuestHandlers,
    QuestRequest,
    QuestSharedContext,
    Text,
    TrialHandlers,
)

Body: TypeAlias = Callable[[perdure.Context, str], Awaitable[str]]
MONTH = timedelta(days=30)


class Does(TrialHandlers):
    """A service whose handlers are given by the test: text in, text out."""

    def __init__(self, first: Body | None = None, second: Body | None = None) -> None:
        self._first = first or echo
        self._second = second or echo

    async def first(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=await self._first(ctx, request.text))

    async def second(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=await self._second(ctx, request.text))


class Counting(CounterHandlers):
    """An object that counts."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        ctx.state.last_reason.set(request.reason)
        return CounterState(value=value, last_reason=request.reason)


class Questing(QuestHandlers):
    """A workflow that gives back its answer."""

    async def run(self, ctx: QuestContext, request: QuestRequest) -> Text:
        return await ctx.promises.answer.value()

    async def answer(self, ctx: QuestSharedContext, request: AnswerRequest) -> Empty:
        await ctx.promises.answer.resolve(request.answer)
        return Empty()


class World:
    """What steps do to the outside: a line for each execution."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def do(self, what: str) -> str:
        """Has its effect."""
        self.done.append(what)
        return what


async def echo(ctx: perdure.Context, text: str) -> str:
    """Gives back what it got."""
    return text


async def sleep_a_month(ctx: perdure.Context, text: str) -> str:
    """Ends a month later, and says when that is."""
    await ctx.sleep(MONTH)
    return ctx.now().isoformat()


async def count(ctx: perdure.Context, text: str) -> str:
    """Counts on the counter of this name."""
    return str((await CounterClient(ctx, text).add(AddRequest())).value)


def buy(world: World) -> Body:
    """Charges, sleeps a month, and ships."""

    async def body(ctx: perdure.Context, text: str) -> str:
        await ctx.run("charge", world.do, f"charge {text}")
        await ctx.sleep(MONTH)
        return await ctx.run("ship", world.do, f"ship {text}")

    return body
