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
        return Balance(amount=balance, limit=Money(currency=Currency.EUR))

    async def get_balance(self, ctx: UserAccountSharedContext, request: AccountKey) -> Balance:
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
        assert_type(ctx.promises.email_verified.message, type[Verification])
        return Balance()

    async def verify_email(self, ctx: SignupSharedContext, request: SignupRequest) -> Empty:
        assert_type(await ctx.state.email.get(), str)
        assert_type(ctx.promises.paid.message, type[Money])
        return Empty()


async def in_a_handler(ctx: perdure.Context) -> None:
    orders = OrderServiceClient(ctx)
    assert_type(await orders.process(Order()), OrderReceipt)
    handle = await orders.process.send(Order(), delay=timedelta(days=1))
    assert_type(handle, perdure.InvocationHandle[OrderReceipt])
    assert_type(await UserAccountClient(ctx, "ada").get_balance(AccountKey()), Balance)


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
