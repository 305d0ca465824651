"""The order saga: charge, reserve, and undo what was done when one of them cannot be."""

from collections.abc import Awaitable, Callable
from functools import partial

import perdure
from accounts.v1 import AddPointsRequest, UserAccountClient
from mail.v1 import Confirmation, Invitation, MailServiceClient
from orders.v1 import Order, OrderServiceHandlers, Receipt

from examples.order_saga import bank, warehouse

Compensation = Callable[[], Awaitable[None]]


class Orders(OrderServiceHandlers):
    """Takes orders. Kill the process anywhere in here: the order goes on where it stopped."""

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        total_cents = sum(item.price_cents * item.quantity for item in request.items)
        # The same on every replay, so that the bank can tell a repeated charge.
        payment_id = str(ctx.uuid4())
        undo: list[Compensation] = []
        try:
            undo.append(partial(ctx.run, "refund", bank.refund, request.id, payment_id))
            await ctx.run("charge", bank.charge, request.id, payment_id, request.card, total_cents)
            for item in request.items:
                undo.append(partial(ctx.run, f"release {item.sku}", warehouse.release, request.id, item.sku))
                await ctx.run(f"reserve {item.sku}", warehouse.reserve, request.id, item.sku, item.quantity)
        except perdure.TerminalError:
            for compensate in reversed(undo):
                await compensate()
            raise
        account = await UserAccountClient(ctx, request.customer).add_points(AddPointsRequest(points=total_cents // 100))
        mail = MailServiceClient(ctx)
        await mail.confirm(Confirmation(customer=request.customer, order_id=request.id))
        mail.invite.send(Invitation(customer=request.customer, event="members' evening", remind_after_ms=2_000))
        return Receipt(order_id=request.id, payment_id=payment_id, total_cents=total_cents, points=account.points)


app = perdure.Endpoint(Orders())
