"""External events: a handler waits for a webhook, which may come while the process of the handler is dead."""

import perdure
from payments.v1 import CheckoutHandlers, Payment, PayRequest, Receipt

from examples.external_events import provider


class Checkout(CheckoutHandlers):
    """While it waits, a payment costs a row in the store: no thread, no connection, no polling."""

    async def pay(self, ctx: perdure.Context, request: PayRequest) -> Receipt:
        # An awakeable is a result that somebody outside gives; its id is all that they need.
        paid = ctx.awakeable(Payment)
        callback = f"/awakeables/{paid.id}"
        await ctx.run("open payment", provider.open_payment, request.order_id, request.cents, callback)
        try:
            payment = await perdure.or_timeout(paid, request.wait_for)
        except perdure.TimedOut as error:
            await ctx.run("close payment", provider.close_payment, request.order_id)
            text = f"nobody paid {request.order_id} within {request.wait_for}"
            raise perdure.TerminalError(text, code=perdure.StatusCode.DEADLINE_EXCEEDED) from error
        return Receipt(order_id=request.order_id, reference=payment.reference)


app = perdure.Endpoint(Checkout())
