"""Parallel processing: fan out to many handlers at once, and fan in what they say."""

import perdure
from quotes.v1 import (
    BuyerHandlers,
    CompareRequest,
    Comparison,
    ListPrice,
    Price,
    PriceListRequest,
    QuoteRequest,
    SuppliersClient,
    SuppliersHandlers,
)

from examples.parallel_processing import suppliers


class Suppliers(SuppliersHandlers):
    """One question. It may run on another process than its buyer, and is tried again by itself."""

    async def quote(self, ctx: perdure.Context, request: QuoteRequest) -> Price:
        # Nobody minds a question that is broken off: a cancellation need not wait for its answer.
        cents = await ctx.run("ask", perdure.interruptible(suppliers.ask), request.supplier, request.sku)
        return Price(supplier=request.supplier, sku=request.sku, cents=cents)


class Buyer(BuyerHandlers):
    """Calls leave when they are made, so those of a list are on their way together. A crash repeats none of them."""

    async def price_list(self, ctx: perdure.Context, request: PriceListRequest) -> ListPrice:
        ask = SuppliersClient(ctx).quote
        calls = [ask(QuoteRequest(request.supplier, sku)) for sku in request.skus]
        try:
            # All of them, in the order of the request. The first error ends the wait, but not the other calls.
            prices = await perdure.gather(*calls)
        except perdure.TerminalError:
            for call in calls:
                ctx.cancel(call)
            raise
        return ListPrice(prices=list(prices), total_cents=sum(price.cents for price in prices))

    async def compare(self, ctx: perdure.Context, request: CompareRequest) -> Comparison:
        ask = SuppliersClient(ctx).quote
        waiting = [ask(QuoteRequest(supplier, request.sku)) for supplier in request.suppliers]
        prices: list[Price] = []
        refusals: list[str] = []
        # As they come. A replay sees them in the same order, and so stops at the same one.
        async for answer in perdure.as_completed(*waiting):
            waiting.remove(answer)
            try:
                prices.append(await answer)
            except perdure.TerminalError as error:
                if error.code is not perdure.StatusCode.NOT_FOUND:
                    raise
                refusals.append(error.message)
            if len(prices) == request.enough:
                break
        for late in waiting:
            ctx.cancel(late)
        if not prices:
            raise perdure.TerminalError(f"nobody sells {request.sku}", code=perdure.StatusCode.NOT_FOUND)
        return Comparison(min(prices, key=lambda price: price.cents), prices, refusals)


app = perdure.Endpoint(Buyer(), Suppliers())
