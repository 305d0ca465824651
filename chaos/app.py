"""The endpoint of a chaos run: handlers whose every promise can be checked from outside."""

import asyncio
import random
import time
from datetime import timedelta
from uuid import uuid4

import perdure
from betterproto.lib.google.protobuf import Empty
from ordeal.v1 import (
    AccountClient,
    AccountContext,
    AccountHandlers,
    AccountSharedContext,
    AddRequest,
    Approval,
    ApproveRequest,
    Balance,
    BookRequest,
    BoxClient,
    BoxContext,
    BoxHandlers,
    BoxSharedContext,
    Count,
    CounterContext,
    CounterHandlers,
    CounterSharedContext,
    ErrandContext,
    ErrandDone,
    ErrandHandlers,
    ErrandRequest,
    ErrandSharedContext,
    Letter,
    Letters,
    PostRequest,
    ShowBalanceRequest,
    ShowBoxRequest,
    ShowCountRequest,
    TransferRequest,
    WorkDone,
    WorkRequest,
    WorksHandlers,
)

from chaos import ledger

# A step takes at most so long after its effect: time in which its process may die.
STEP_S = 0.3


async def run_step(step: str) -> str:
    """A side effect: another one each time it is executed."""
    run = uuid4().hex
    ledger.write(ledger.Ran(step, run))
    await asyncio.sleep(random.uniform(0, STEP_S))
    return run


def wall_ms() -> int:
    """The time of this machine."""
    return time.time_ns() // 1_000_000


class Works(WorksHandlers):
    """Steps, calls and sends."""

    async def work(self, ctx: perdure.Context, request: WorkRequest) -> WorkDone:
        first = await ctx.run("first", run_step, f"{request.call}/first")
        second = await ctx.run("second", run_step, f"{request.call}/second")
        return WorkDone(first_run=first, second_run=second)

    async def transfer(self, ctx: perdure.Context, request: TransferRequest) -> Empty:
        await AccountClient(ctx, request.source).book(BookRequest(amount=-request.amount))
        await AccountClient(ctx, request.target).book(BookRequest(amount=request.amount))
        return Empty()

    async def post(self, ctx: perdure.Context, request: PostRequest) -> Empty:
        for box in request.boxes:
            BoxClient(ctx, box).put.send(Letter(id=f"{request.call}/{box}"))
        return Empty()


class Counters(CounterHandlers):
    """Tells the ledger which attempt is in it, and its caller which attempt has ended the call."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> Count:
        # Not in a step: what an attempt does counts here, also if it is not the one that ends the call.
        attempt = uuid4().hex
        ledger.write(ledger.Entered(request.counter, request.call, attempt, ledger.moment_s()))
        value = await ctx.state.value.get() + 1
        # Not in a step either, whose end would wait for the node: an attempt goes on here although its node is paused.
        await asyncio.sleep(request.work_ms / 1000)
        ctx.state.value.set(value)
        ledger.write(ledger.Left(attempt, ledger.moment_s()))
        return Count(value=value, attempt=attempt)

    async def show(self, ctx: CounterSharedContext, request: ShowCountRequest) -> Count:
        return Count(value=await ctx.state.value.get())


class Accounts(AccountHandlers):
    """May be overdrawn: that a transfer always succeeds keeps the sums exact."""

    async def book(self, ctx: AccountContext, request: BookRequest) -> Balance:
        amount = await ctx.state.amount.get() + request.amount
        ctx.state.amount.set(amount)
        return Balance(amount=amount)

    async def show(self, ctx: AccountSharedContext, request: ShowBalanceRequest) -> Balance:
        return Balance(amount=await ctx.state.amount.get())


class Boxes(BoxHandlers):
    """Keeps every letter that comes, also one that it has already: the checker wants to know."""

    async def put(self, ctx: BoxContext, request: Letter) -> Empty:
        arrived_ms = await ctx.run("arrive", wall_ms)
        letters = (await ctx.state.letters.get()).letters
        ctx.state.letters.set(Letters([*letters, Letter(request.box, request.id, arrived_ms)]))
        return Empty()

    async def show(self, ctx: BoxSharedContext, request: ShowBoxRequest) -> Letters:
        return await ctx.state.letters.get()


class Errands(ErrandHandlers):
    """A promise from outside, a timer, a step."""

    async def run(self, ctx: ErrandContext, request: ErrandRequest) -> ErrandDone:
        approval = await ctx.promises.approved.value()
        # In steps: the clock of this machine, and not what perdure says the time is.
        before_ms = await ctx.run("before", wall_ms)
        await ctx.sleep(timedelta(milliseconds=request.sleep_ms))
        after_ms = await ctx.run("after", wall_ms)
        run = await ctx.run("finish", run_step, request.errand)
        return ErrandDone(approved_by=approval.by, slept_ms=after_ms - before_ms, run=run)

    async def approve(self, ctx: ErrandSharedContext, request: ApproveRequest) -> Empty:
        await ctx.promises.approved.resolve(Approval(by=request.by))
        return Empty()


app = perdure.Endpoint(Works(), Counters(), Accounts(), Boxes(), Errands())
