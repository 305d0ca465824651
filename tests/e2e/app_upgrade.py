"""Versions of an endpoint: the environment says which one this process serves."""

import os

import perdure
from orders.v1 import Order, OrderServiceHandlers, Receipt

VERSION = "UPGRADE_VERSION"


class First(OrderServiceHandlers):
    """Charges, waits until the parcel has left, and tells who did it."""

    def __init__(self, version: str) -> None:
        self.version = version

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        async with perdure.Saga(ctx) as saga:
            saga.compensate("refund", self.name)
            charged_by = await ctx.run("charge", self.name)
            await ctx.signal("shipped", Receipt)
        return Receipt(order_id=request.id, payment_id=f"{charged_by} {self.version}")

    def name(self) -> str:
        """The version, as a step."""
        return self.version


class CheckingFirst(First):
    """Looks at the card before it charges: no journal of the first version says so."""

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        await ctx.run("check the card", self.name)
        return await super().process(ctx, request)


class Thanking(First):
    """Thanks at the end, where no order in flight has come yet."""

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        receipt = await super().process(ctx, request)
        await ctx.run("thank", self.name)
        return receipt


VERSIONS = {"v1": First, "v2-checking": CheckingFirst, "v2": Thanking}
version = os.environ.get(VERSION, "v1")
app = perdure.Endpoint(VERSIONS[version](version))
