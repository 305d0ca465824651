"""Workflows, a handler that runs them, and handlers that are soon forgotten."""

import perdure
from conformance.v1 import (
    BriefContext,
    BriefHandlers,
    BriefSharedContext,
    Failure,
    ForgetfulHandlers,
    Key,
    KeyText,
    RegistrarHandlers,
    SignupClient,
    SignupContext,
    SignupHandlers,
    SignupSharedContext,
    Text,
    Texts,
)

from tests.conformance.app_failures import caught
from tests.conformance.speak import tell


class Signup(SignupHandlers):
    """Runs until its promise is resolved."""

    async def run(self, ctx: SignupContext, request: KeyText) -> Text:
        ctx.state.status.set("waiting")
        await ctx.run("tell", tell, ctx.key, f"run {request.text}")
        verified = await ctx.promises.verified.value()
        ctx.state.status.set("verified")
        await ctx.promises.welcomed.resolve(Text(text=f"welcome {request.text}"))
        return Text(text=f"{request.text} {verified.text}")

    async def verify(self, ctx: SignupSharedContext, request: KeyText) -> Failure:
        try:
            await ctx.promises.verified.resolve(Text(text=request.text))
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()

    async def refuse(self, ctx: SignupSharedContext, request: KeyText) -> Failure:
        try:
            await ctx.promises.verified.reject(request.text, code=perdure.StatusCode.PERMISSION_DENIED)
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()

    async def peek(self, ctx: SignupSharedContext, request: Key) -> Texts:
        verified = await ctx.promises.verified.peek()
        return Texts() if verified is None else Texts(texts=[verified.text])

    async def welcome(self, ctx: SignupSharedContext, request: Key) -> Text:
        return await ctx.promises.welcomed.value()

    async def status(self, ctx: SignupSharedContext, request: Key) -> Text:
        return Text(text=await ctx.state.status.get())


class Brief(BriefHandlers):
    """Is over at once."""

    async def run(self, ctx: BriefContext, request: KeyText) -> Text:
        ctx.state.status.set("run")
        await ctx.run("tell", tell, ctx.key, "run")
        return Text(text=request.text)

    async def status(self, ctx: BriefSharedContext, request: Key) -> Text:
        return Text(text=await ctx.state.status.get())


class Registrar(RegistrarHandlers):
    """Runs workflows, and looks after them by their ids."""

    async def run(self, ctx: perdure.Context, request: KeyText) -> Text:
        return await SignupClient(ctx, request.key).run(KeyText(text=request.text))

    async def run_new(self, ctx: perdure.Context, request: KeyText) -> Failure:
        try:
            await SignupClient(ctx, request.key).run(KeyText(text=request.text), must_be_new=True)
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()

    async def attach(self, ctx: perdure.Context, request: KeyText) -> Text:
        return await SignupClient(ctx, request.key).run.attach()

    async def output(self, ctx: perdure.Context, request: KeyText) -> Texts:
        output = await SignupClient(ctx, request.key).run.output()
        return Texts() if output is None else Texts(texts=[output.text])


class Forgetful(ForgetfulHandlers):
    """Tells the stage that it has run."""

    async def forget_key(self, ctx: perdure.Context, request: Text) -> Text:
        await ctx.run("tell", tell, request.text, "run")
        return request

    async def forget_journal(self, ctx: perdure.Context, request: Text) -> Text:
        await ctx.run("tell", tell, request.text, "run")
        return request


HANDLERS = (Signup(), Brief(), Registrar(), Forgetful())
