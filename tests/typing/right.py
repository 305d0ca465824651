"""Code that users write, and the types that it has for a type checker. It is checked, never run."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import assert_never, assert_type

import perdure
from betterproto.lib.google.protobuf import Empty

from tests.codegen.generated.market.common.v1 import Currency, Money
from tests.codegen.generated.market.orders.v1 import (
    AccountKey,
    ArchiveContext,
    ArchiveHandlers,
    ArchiveRequest,
    Balance,
    LockHandlers,
    Order,
    OrderItem,
    OrderReceipt,
    OrderServiceClient,
    OrderStatus,
    SignupClient,
    SignupContext,
    SignupHandlers,
    SignupRequest,
    SignupSharedContext,
    UpdateBalanceRequest,
    UserAccountClient,
    UserAccountContext,
    UserAccountHandlers,
    UserAccountSharedContext,
    Verification,
)


class Accounts(UserAccountHandlers):
    async def update_balance(self, ctx: UserAccountContext, request: UpdateBalanceRequest) -> Balance:
        balance = assert_type(await ctx.state.balance.get(), float)
        ctx.state.balance.set(balance + request.amount)
        ctx.state.orders.set([*await ctx.state.orders.get(), Order(id="o")])
        ctx.state.nickname.set(None)
        ctx.state.nickname.clear()
        assert_type(await ctx.state.nickname.get(), str | None)
        assert_type(await ctx.state.nickname.exists(), bool)
        assert_type(ctx.key, str)
        assert_type(await ctx.state.keys(), list[str])
        ctx.state.clear_all()
        return Balance(amount=balance, limit=Money(currency=Currency.EUR))

    async def get_balance(self, ctx: UserAccountSharedContext, request: AccountKey) -> Balance:
        assert_type(await ctx.state.keys(), list[str])
        return Balance(amount=assert_type(await ctx.state.balance.get(), float))


class Archive(ArchiveHandlers):
    async def store(self, ctx: ArchiveContext, request: ArchiveRequest) -> Empty:
        state = ctx.state
        assert_type(await state.enum_value.get(), OrderStatus)
        assert_type(await state.messages_by_name.get(), dict[str, OrderItem])
        assert_type(await state.times_by_flag.get(), dict[bool, datetime])
        assert_type(await state.timestamp.get(), datetime)
        assert_type(await state.durations.get(), list[timedelta])
        assert_type(await state.wrapped_number.get(), int | None)
        assert_type(await state.imported_message.get(), Money)
        assert_type(await state.item.get(), OrderItem | None)
        assert_type(await state.bytes_value.get(), bytes)
        state.enum_value.set(OrderStatus.STATUS_PAID)
        return Empty()


class Locks(LockHandlers):
    async def acquire(self, ctx: perdure.ObjectContext, request: AccountKey) -> Empty:
        return Empty()

    async def peek(self, ctx: perdure.SharedObjectContext, request: AccountKey) -> Empty:
        return Empty()


class Signup(SignupHandlers):
    async def run(self, ctx: SignupContext, request: SignupRequest) -> Balance:
        ctx.state.email.set("a@example.com")
        assert_type(await ctx.promises.email_verified.value(), Verification)
        return Balance()

    async def verify_email(self, ctx: SignupSharedContext, request: SignupRequest) -> Empty:
        assert_type(await ctx.state.email.get(), str)
        assert_type(await ctx.promises.paid.peek(), Money | None)
        assert_type(await ctx.promises.paid.resolve(Money()), None)
        await ctx.promises.email_verified.reject("expired", code=perdure.StatusCode.ABORTED)
        return Empty()


async def in_a_handler(ctx: perdure.Context) -> None:
    orders = OrderServiceClient(ctx)
    assert_type(await orders.process(Order()), OrderReceipt)
    handle = await orders.process.send(Order(), delay=timedelta(days=1))
    assert_type(handle, perdure.InvocationHandle[OrderReceipt])
    assert_type(await UserAccountClient(ctx, "ada").get_balance(AccountKey()), Balance)


async def waits_for_several(ctx: perdure.Context, delay: timedelta) -> None:
    orders = OrderServiceClient(ctx)
    calls = [orders.process(Order()) for _ in range(3)]
    balance = UserAccountClient(ctx, "ada").get_balance(AccountKey())
    assert_type(await perdure.gather(*calls), tuple[OrderReceipt, ...])
    assert_type(await perdure.gather(calls[0], balance, ctx.sleep(delay)), tuple[OrderReceipt, Balance, None])
    assert_type(await perdure.race(*calls), OrderReceipt)
    assert_type(await perdure.race(calls[0], ctx.sleep(delay)), OrderReceipt | None)
    assert_type(await perdure.select(a=calls[0], b=calls[1]), tuple[str, OrderReceipt])
    assert_type(await perdure.or_timeout(balance, delay), Balance)
    async for call in perdure.as_completed(*calls):
        assert_type(await call, OrderReceipt)
    settled, pending = await perdure.wait(*calls, timeout=delay, first=True)
    assert_type(await settled[0], OrderReceipt)
    assert_type(pending, list[Awaitable[OrderReceipt]])
    assert_type(
        await perdure.gather(perdure.race(*calls), perdure.or_timeout(balance, delay)), tuple[OrderReceipt, Balance]
    )
    match await perdure.select(paid=calls[0], late=ctx.sleep(delay)):
        case "paid", OrderReceipt() as receipt:
            assert_type(receipt, OrderReceipt)
        case _:
            await ctx.cancel(calls[0])


async def waits_for_others(ctx: perdure.Context) -> None:
    awakeable = assert_type(ctx.awakeable(Verification), perdure.Awakeable[Verification])
    assert_type(awakeable.id, str)
    assert_type(await awakeable, Verification)
    await ctx.resolve_awakeable(awakeable.id, Verification())
    await ctx.reject_awakeable(awakeable.id, "declined", code=perdure.StatusCode.ABORTED)
    assert_type(await ctx.signal("approved", Verification), Verification)
    handle = ctx.handle("inv_1", Balance)
    await handle.signal("approved", Verification())
    await handle.cancel()
    assert_type(await handle.attach(), Balance)
    assert_type(await handle.output(), Balance | None)
    with ctx.shield():
        await ctx.cancellation()


async def asks_a_workflow(ctx: perdure.Context, client: perdure.Client) -> None:
    for run in (SignupClient(ctx, "ada").run, SignupClient(client, "ada").run):
        assert_type(await run(SignupRequest(), must_be_new=True), Balance)
        assert_type(await run.send(SignupRequest(), must_be_new=True), perdure.InvocationHandle[Balance])
        assert_type(await run.attach(), Balance)
        assert_type(await run.output(), Balance | None)
        await run.cancel()


def asks_a_workflow_and_blocks(client: perdure.SyncClient) -> None:
    run = SignupClient(client, "ada").run
    assert_type(run(SignupRequest(), must_be_new=True), Balance)
    assert_type(run.attach(), Balance)
    assert_type(run.output(), Balance | None)


async def by_name(ctx: perdure.Context) -> None:
    generic = perdure.GenericClient(ctx)
    assert_type(await generic.call("market.orders.v1.OrderService", "Process", b""), bytes)
    assert_type(await generic.send("market.orders.v1.OrderService", "Process", b""), perdure.InvocationHandle[bytes])


async def undo(order: str, *, amount: int) -> None:
    pass


async def undoes(ctx: perdure.Context) -> None:
    async with perdure.Saga(ctx) as saga:
        saga.compensate("undo", undo, "o", amount=3)
        saga.compensate_with(lambda: OrderServiceClient(ctx).process(Order()))


async def outside(client: perdure.Client) -> None:
    assert_type(await OrderServiceClient(client).process(Order(), idempotency_key="o"), OrderReceipt)
    handle = await UserAccountClient(client, "ada").get_balance.send(AccountKey())
    assert_type(await handle.attach(), Balance)
    assert_type(await handle.output(), Balance | None)


def outside_and_blocking(client: perdure.SyncClient) -> None:
    assert_type(OrderServiceClient(client).process(Order()), OrderReceipt)
    handle = assert_type(
        UserAccountClient(client, "ada").get_balance.send(AccountKey()), perdure.BlockingInvocationHandle[Balance]
    )
    assert_type(handle.attach(), Balance)


def takes_any_account(account: UserAccountClient) -> Awaitable[Balance]:
    return account.get_balance(AccountKey())


def every_status(status: OrderStatus) -> str:
    match status:
        case OrderStatus.STATUS_UNSPECIFIED | OrderStatus.STATUS_PAID:
            return "open"
        case OrderStatus.STATUS_SENT:
            return "done"
        case _:
            assert_never(status)


app = perdure.Endpoint(Accounts(), Archive(), Locks())
