"""Handlers of steps, and of time and chance."""

import random
import threading
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import perdure
from conformance.v1 import Nothing, Obedience, Size, Span, StepsHandlers, Text, Texts

from tests.conformance.speak import ask, ask_blocking, tell


@dataclass(frozen=True)
class Point:
    """A dataclass of the handlers' own."""

    x: int
    y: int


class Steps(StepsHandlers):
    """Every promise that a step makes."""

    async def once(self, ctx: perdure.Context, request: Text) -> Text:
        async def effect() -> str:
            await tell(request.text, "step")
            return f"by attempt {ctx.attempt}"

        said = await ctx.run("effect", effect)
        fail_first(ctx)
        return Text(text=f"{said}, seen by attempt {ctx.attempt}")

    async def every_type(self, ctx: perdure.Context, request: Text) -> Texts:
        values: list[object] = [
            await ctx.run("none", give_none),
            await ctx.run("bool", give_bool),
            await ctx.run("int", give_int),
            await ctx.run("float", give_float),
            await ctx.run("str", give_str),
            await ctx.run("bytes", give_bytes),
            await ctx.run("message", give_message),
            await ctx.run("enum", give_enum),
            await ctx.run("datetime", give_datetime),
            await ctx.run("date", give_date),
            await ctx.run("timedelta", give_timedelta),
            await ctx.run("uuid", give_uuid),
            await ctx.run("decimal", give_decimal),
            await ctx.run("list", give_list),
            await ctx.run("tuple", give_tuple),
            await ctx.run("dict", give_dict),
            await ctx.run("dataclass", give_dataclass),
        ]
        fail_first(ctx)
        return Texts(texts=[f"{type(value).__name__} {value!r}" for value in values])

    async def obey(self, ctx: perdure.Context, request: Obedience) -> Text:
        async def effect() -> str:
            answer = await ask(request.scene, "how?")
            if answer == "terminal":
                raise perdure.TerminalError("told to", perdure.StatusCode.OUT_OF_RANGE, [Text(text="by the stage")])
            if answer != "ok":
                raise RuntimeError(answer)
            return answer

        try:
            if not request.max_attempts and not request.max_duration:
                return Text(text=await ctx.run("effect", effect))
            policy = perdure.RetryPolicy(
                max_attempts=request.max_attempts or None,
                initial_interval=request.initial_interval,
                factor=request.factor or 1,
                max_interval=request.max_interval or timedelta(seconds=1),
            )
            if request.max_duration:
                policy = replace(policy, max_duration=request.max_duration)
            return Text(text=await ctx.run("effect", effect, retry=policy))
        except perdure.TerminalError as error:
            details = [detail.text for detail in error.details if isinstance(detail, Text)]
            return Text(text=f"{error.code.name}: {error.message} {details}")

    async def blocking(self, ctx: perdure.Context, request: Text) -> Text:
        loop = threading.get_ident()

        def effect(scene: str, question: str) -> str:
            own = threading.get_ident() != loop
            return f"{ask_blocking(scene, question)} {'beside' if own else 'in'} the loop"

        return Text(text=await ctx.run("effect", effect, request.text, question="well?"))

    async def beside(self, ctx: perdure.Context, request: Texts) -> Texts:
        scene, *questions = request.texts
        steps = [ctx.run(question, ask, scene, question) for question in questions]
        return Texts(texts=[await step for step in steps])

    async def chance_then_wait(self, ctx: perdure.Context, request: Text) -> Text:
        async def chance() -> str:
            drawn = str(random.getrandbits(64))
            await tell(request.text, drawn)
            return drawn

        drawn = await ctx.run("chance", chance)
        await ctx.run("wait", ask, request.text, "wait")
        return Text(text=drawn)

    async def time_and_chance(self, ctx: perdure.Context, request: Text) -> Nothing:
        drawn = [ctx.now().isoformat(), str(ctx.uuid4()), str(ctx.uuid4()), str(ctx.random.random())]
        await ctx.run("a step", give_none)
        drawn += [ctx.now().isoformat(), str(ctx.random.random()), str(ctx.uuid4())]
        await tell(request.text, " ".join(drawn))
        fail_first(ctx)
        return Nothing()

    async def clock(self, ctx: perdure.Context, request: Span) -> Texts:
        before = ctx.now()
        await ctx.sleep(request.duration)
        between = ctx.now()
        await ctx.sleep(request.duration)
        return Texts(texts=[moment.isoformat() for moment in (before, between, ctx.now())])


def fail_first(ctx: perdure.Context) -> None:
    """Lets the first attempt fail here, so that the second one replays all that came before."""
    if ctx.attempt == 1:
        raise perdure.RetryableError("the first attempt fails", retry_after=timedelta(0))


def give_none() -> None:
    """Nothing."""


def give_bool() -> bool:
    """A bool."""
    return True


def give_int() -> int:
    """More than 64 bits."""
    return 2**70


def give_float() -> float:
    """A float."""
    return 0.1


def give_str() -> str:
    """Not only ASCII."""
    return "tea ☕"


def give_bytes() -> bytes:
    """Not UTF-8."""
    return b"\xff\x00"


def give_message() -> Text:
    """A message of a contract."""
    return Text(text="message")


def give_enum() -> Size:
    """An enum of a contract."""
    return Size.LARGE


def give_datetime() -> datetime:
    """A moment."""
    return datetime(2026, 5, 4, 3, 2, 1, 600, tzinfo=UTC)


def give_date() -> date:
    """A day."""
    return date(2026, 5, 4)


def give_timedelta() -> timedelta:
    """A time span."""
    return timedelta(days=1, microseconds=1)


def give_uuid() -> uuid.UUID:
    """A UUID."""
    return uuid.UUID(int=7)


def give_decimal() -> Decimal:
    """What a float cannot hold."""
    return Decimal("0.10")


def give_list() -> list[Decimal]:
    """A list."""
    return [Decimal("1.5"), Decimal("2")]


def give_tuple() -> tuple[int, str]:
    """A tuple of different types."""
    return 1, "one"


def give_dict() -> dict[str, list[int]]:
    """A dict of lists."""
    return {"odd": [1, 3]}


def give_dataclass() -> Point:
    """A dataclass."""
    return Point(1, 2)


HANDLERS = (Steps(),)
