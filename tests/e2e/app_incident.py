"""The endpoint of docs/guides/incident.md: the environment says which version this process serves."""

import os

import perdure
from orders.v1 import Item, Order, OrderServiceHandlers, Receipt
from quotes.v1 import BuyerHandlers, CompareRequest, Comparison, ListPrice, PriceListRequest

from examples.ledger import write

VERSION = "INCIDENT_VERSION"


class Orders(OrderServiceHandlers):
    """Charges, then picks each item off its shelf."""

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        total_cents = sum(item.price_cents * item.quantity for item in request.items)
        await ctx.run("charge", write, request.id, f"charged {total_cents}")
        for item in request.items:
            await ctx.run(f"pick {item.sku}", write, request.id, f"picked from shelf {self.shelf_of(item)}")
        return Receipt(order_id=request.id, total_cents=total_cents)

    def shelf_of(self, item: Item) -> str:
        _, shelf = item.sku.split("-")
        return shelf


class FixedOrders(Orders):
    """Picks at the counter what has no shelf."""

    def shelf_of(self, item: Item) -> str:
        _, _, shelf = item.sku.partition("-")
        return shelf or "the counter"


class CheckingOrders(FixedOrders):
    """Counts the items before it charges: no journal of the first version says so."""

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        await ctx.run("count the items", len, request.items)
        return await super().process(ctx, request)


class Quotes(BuyerHandlers):
    """Answers at once: thousands of ended invocations are quickly made."""

    async def price_list(self, ctx: perdure.Context, request: PriceListRequest) -> ListPrice:
        return ListPrice()

    async def compare(self, ctx: perdure.Context, request: CompareRequest) -> Comparison:
        return Comparison()


VERSIONS = {"broken": Orders, "checking": CheckingOrders, "fixed": FixedOrders}
app = perdure.Endpoint(VERSIONS[os.environ.get(VERSION, "broken")](), Quotes())
