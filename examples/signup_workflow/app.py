"""The signup: a workflow that waits for a person, reminds, and gives up, over days and over restarts."""

import secrets

import perdure
from betterproto.lib.google.protobuf import Empty
from signup.v1 import (
    GetStatusRequest,
    SignupContext,
    SignupHandlers,
    SignupRequest,
    SignupResult,
    SignupSharedContext,
    SignupStatus,
    Stage,
    Verification,
    VerifyEmailRequest,
)

from examples.ledger import write


def mail(to: str, subject: str) -> None:
    """Sends a mail."""
    write(to, f"mailed {subject!r}")


class Signups(SignupHandlers):
    """`run` is the signup from its first line to its last. The shared handlers talk to it while it waits."""

    async def run(self, ctx: SignupContext, request: SignupRequest) -> SignupResult:
        # In a step, so that every attempt has the same code. ctx.random is for what may be guessed.
        code = await ctx.run("draw code", secrets.token_hex, 4)
        ctx.state.email.set(request.email)
        ctx.state.code.set(code)
        ctx.state.stage.set(Stage.WAITING)
        await ctx.run("mail code", mail, request.email, f"your code is {code}")

        verified = ctx.promises.email_verified.value()
        deadline = ctx.sleep(request.expire_after)
        reminder = ctx.sleep(request.remind_after)
        first, _ = await perdure.select(verified=verified, deadline=deadline, reminder=reminder)
        if first == "reminder":
            ctx.state.stage.set(Stage.REMINDED)
            await ctx.run("mail reminder", mail, request.email, f"do not forget your code {code}")
            first, _ = await perdure.select(verified=verified, deadline=deadline)
        if first == "deadline":
            await expire(ctx)

        verification = await verified
        ctx.state.stage.set(Stage.CONFIRMED)
        return SignupResult(user=ctx.key, confirmed_from=verification.client)

    async def verify_email(self, ctx: SignupSharedContext, request: VerifyEmailRequest) -> Empty:
        code = await ctx.state.code.get()
        if not code or not secrets.compare_digest(code, request.code):
            raise perdure.TerminalError("this is not the code of the mail", code=perdure.StatusCode.INVALID_ARGUMENT)
        # A promise gets its result once: the second time this fails with ALREADY_EXISTS, which our caller gets.
        await ctx.promises.email_verified.resolve(Verification(client=request.client))
        return Empty()

    async def get_status(self, ctx: SignupSharedContext, request: GetStatusRequest) -> SignupStatus:
        return SignupStatus(stage=await ctx.state.stage.get(), email=await ctx.state.email.get())


async def expire(ctx: SignupContext) -> None:
    """Closes the promise, so that no code is taken any more; one that came at the last moment stays."""
    try:
        await ctx.promises.email_verified.reject(
            "the address was not confirmed in time", code=perdure.StatusCode.DEADLINE_EXCEEDED
        )
    except perdure.TerminalError as error:
        if error.code is not perdure.StatusCode.ALREADY_EXISTS:
            raise
    else:
        ctx.state.stage.set(Stage.EXPIRED)


app = perdure.Endpoint(Signups())
