"""Handlers that do what operators look at: they end, fail, pause, wait, call each other, and keep state."""

import perdure
from betterproto.lib.google.protobuf import Empty
from mail.v1 import Confirmation, Delivery, Invitation, Mail, MailServiceClient, MailServiceHandlers
from payments.v1 import CheckoutHandlers, Payment, PayRequest, Receipt
from signup.v1 import (
    GetStatusRequest,
    SignupContext,
    SignupHandlers,
    SignupRequest,
    SignupResult,
    SignupSharedContext,
    SignupStatus,
    VerifyEmailRequest,
)

from examples.user_account.app import Accounts

# An order that nobody knows, one that the code cannot cope with, and how those begin that call another handler.
REFUSED = "refused"
BROKEN = "broken"
CALLING = "o-"


class Mails(MailServiceHandlers):
    """Confirms orders, unless the order says otherwise."""

    async def deliver(self, ctx: perdure.Context, request: Mail) -> Delivery:
        return Delivery(message_id=await ctx.run("post", str, f"for {request.to}"))

    async def confirm(self, ctx: perdure.Context, request: Confirmation) -> Delivery:
        if request.order_id == REFUSED:
            raise perdure.TerminalError("no such mailbox", code=perdure.StatusCode.NOT_FOUND)
        if request.order_id == BROKEN:
            raise ValueError("the mail server speaks in riddles")
        if request.order_id.startswith(CALLING):
            return await MailServiceClient(ctx).deliver(Mail(to=request.customer, subject=request.order_id))
        return Delivery(message_id=await ctx.run("post", str, f"for {request.customer}"))

    async def invite(self, ctx: perdure.Context, request: Invitation) -> Empty:
        return Empty()


class Checkout(CheckoutHandlers):
    """Waits for somebody outside."""

    async def pay(self, ctx: perdure.Context, request: PayRequest) -> Receipt:
        payment = await ctx.awakeable(Payment)
        return Receipt(order_id=request.order_id, reference=payment.reference)


class Signups(SignupHandlers):
    """Waits for its promise."""

    async def run(self, ctx: SignupContext, request: SignupRequest) -> SignupResult:
        ctx.state.email.set(request.email)
        verification = await ctx.promises.email_verified.value()
        return SignupResult(user=ctx.key, confirmed_from=verification.client)

    async def verify_email(self, ctx: SignupSharedContext, request: VerifyEmailRequest) -> Empty:
        return Empty()

    async def get_status(self, ctx: SignupSharedContext, request: GetStatusRequest) -> SignupStatus:
        return SignupStatus(email=await ctx.state.email.get())


app = perdure.Endpoint(Mails(), Checkout(), Signups(), Accounts())
