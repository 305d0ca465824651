"""The user account: a virtual object. All writers of one customer run one after another, on typed state."""

import perdure
from accounts.v1 import (
    Account,
    AddPointsRequest,
    GetAccountRequest,
    UpdateBalanceRequest,
    UserAccountContext,
    UserAccountHandlers,
    UserAccountSharedContext,
)


class Accounts(UserAccountHandlers):
    """No lock, no transaction, no retry loop: perdure lets one writer a customer in, and keeps what it sets."""

    async def update_balance(self, ctx: UserAccountContext, request: UpdateBalanceRequest) -> Account:
        balance_cents = await ctx.state.balance_cents.get() + request.amount_cents
        if balance_cents < 0:
            raise perdure.TerminalError("insufficient funds", code=perdure.StatusCode.FAILED_PRECONDITION)
        ctx.state.balance_cents.set(balance_cents)
        ctx.state.updated_at.set(ctx.now())
        return await account(ctx)

    async def add_points(self, ctx: UserAccountContext, request: AddPointsRequest) -> Account:
        ctx.state.points.set(await ctx.state.points.get() + request.points)
        ctx.state.updated_at.set(ctx.now())
        return await account(ctx)

    async def get_account(self, ctx: UserAccountSharedContext, request: GetAccountRequest) -> Account:
        return await account(ctx)


async def account(ctx: UserAccountContext | UserAccountSharedContext) -> Account:
    """The account as it is now."""
    return Account(
        customer=ctx.key,
        balance_cents=await ctx.state.balance_cents.get(),
        points=await ctx.state.points.get(),
        updated_at=await ctx.state.updated_at.get(),
    )


app = perdure.Endpoint(Accounts())
