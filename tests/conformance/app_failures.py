"""Handlers that fail, and one that changes its mind."""

from datetime import timedelta

import perdure
from conformance.v1 import (
    ChangingHandlers,
    DiaryClient,
    FailingClient,
    FailingHandlers,
    Failure,
    FragileHandlers,
    Key,
    KeyText,
    LockClient,
    Nothing,
    Number,
    RoutineHandlers,
    Span,
    Text,
    Texts,
)

from tests.conformance.speak import ask, tell


class Failing(FailingHandlers):
    """Fails in every way there is."""

    async def end(self, ctx: perdure.Context, request: Failure) -> Nothing:
        await tell(request.detail, "attempt")
        raise perdure.TerminalError(request.message, perdure.StatusCode(request.code), [Text(text=request.detail)])

    async def catch(self, ctx: perdure.Context, request: Failure) -> Failure:
        try:
            await FailingClient(ctx).end(request)
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()

    async def pass_(self, ctx: perdure.Context, request: Failure) -> Nothing:
        return await FailingClient(ctx).end(request)

    async def stumble(self, ctx: perdure.Context, request: Text) -> Number:
        await be_told(request.text)
        return Number(number=ctx.attempt)

    async def later(self, ctx: perdure.Context, request: Span) -> Number:
        began = ctx.now()
        if ctx.attempt == 1:
            raise perdure.RetryableError("not now", retry_after=request.duration)
        await ctx.sleep(timedelta(0))
        return Number(number=(ctx.now() - began) // timedelta(milliseconds=1))

    async def return_nothing(self, ctx: perdure.Context, request: Text) -> Text:
        if await ask(request.text, "return?") == "ok":
            return request
        return None  # type: ignore[return-value]  # What mypy forbids is what this handler is for.


class Fragile(FragileHandlers):
    """Has two attempts."""

    async def ends(self, ctx: perdure.Context, request: Text) -> Number:
        await be_told(request.text)
        return Number(number=ctx.attempt)

    async def pauses(self, ctx: perdure.Context, request: Text) -> Number:
        await be_told(request.text)
        return Number(number=ctx.attempt)


class Changing(ChangingHandlers):
    """Asks outside of a step which code it is, as if it had been deployed anew."""

    async def run(self, ctx: perdure.Context, request: Text) -> Text:
        left, right = (DiaryClient(ctx, f"{request.text}-{side}") for side in ("left", "right"))
        match await ask(request.text, "version?"):
            case "step":
                await ctx.run("first", tell, request.text, "first")
            case "sleep":
                await ctx.sleep(timedelta(milliseconds=1))
            case "renamed step":
                await ctx.run("renamed", tell, request.text, "renamed")
            case "call":
                await left.append(KeyText(text="called"))
            case "call of another key":
                await right.append(KeyText(text="called"))
            case "call of another handler":
                await LockClient(ctx, f"{request.text}-left").hold(Key())
            case "message":
                await left.append.send(KeyText(text="called"))
            case _:
                return Text(text="nothing")
        return Text(text=await ctx.run("second", ask, request.text, "second"))


class Routine(RoutineHandlers):
    """Takes its time at three steps."""

    async def run(self, ctx: perdure.Context, request: Text) -> Texts:
        return Texts(texts=[await ctx.run(name, ask, request.text, name) for name in ("one", "two", "three")])


async def be_told(scene: str) -> None:
    """Fails unless the stage answers "ok"."""
    answer = await ask(scene, "attempt")
    if answer != "ok":
        raise RuntimeError(answer)


def caught(error: perdure.TerminalError) -> Failure:
    """A terminal error as a message."""
    details = [detail.text for detail in error.details if isinstance(detail, Text)]
    return Failure(code=error.code.value, message=error.message, detail="".join(details))


HANDLERS = (Failing(), Fragile(), Changing(), Routine())
