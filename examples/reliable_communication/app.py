"""Reliable communication: messages between handlers arrive, whoever dies meanwhile."""

from datetime import timedelta

import perdure
from betterproto.lib.google.protobuf import Empty
from mail.v1 import Confirmation, Delivery, Invitation, Mail, MailServiceClient, MailServiceHandlers

from examples.reliable_communication import mailbox


class MailRoom(MailServiceHandlers):
    """The four ways to talk to a handler."""

    async def deliver(self, ctx: perdure.Context, request: Mail) -> Delivery:
        message_id = await ctx.run("post", mailbox.post, request.to, request.subject, str(ctx.uuid4()))
        return Delivery(message_id=message_id)

    async def confirm(self, ctx: perdure.Context, request: Confirmation) -> Delivery:
        # Request and response, and at most one such mail for an order, however often we are called.
        mail = Mail(to=request.customer, subject=f"your order {request.order_id}")
        return await MailServiceClient(ctx).deliver(mail, idempotency_key=f"confirm/{request.order_id}")

    async def invite(self, ctx: perdure.Context, request: Invitation) -> Empty:
        mails = MailServiceClient(ctx)
        # Fire and forget: durable when this handler goes on, delivered whatever happens to it.
        mails.deliver.send(Mail(to=request.customer, subject=f"come to the {request.event}"))
        # Delayed: nothing waits in memory meanwhile.
        reminder = Mail(to=request.customer, subject=f"do not forget the {request.event}")
        mails.deliver.send(reminder, delay=timedelta(milliseconds=request.remind_after_ms))
        return Empty()


app = perdure.Endpoint(MailRoom())
