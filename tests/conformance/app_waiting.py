"""Handlers that wait: for time, for awakeables, for signals, and for several things at once."""

import asyncio
from datetime import timedelta

import perdure
from conformance.v1 import (
    AwakenerHandlers,
    CombinerHandlers,
    Completion,
    Durations,
    Failure,
    ListenerHandlers,
    Listening,
    Numbers,
    Several,
    Signal,
    SleeperHandlers,
    Text,
    Texts,
    Waiting,
)

from tests.conformance.app_failures import caught
from tests.conformance.speak import ask, tell


class Sleeper(SleeperHandlers):
    """Sleeps."""

    async def in_turn(self, ctx: perdure.Context, request: Durations) -> Durations:
        taken = []
        before = ctx.now()
        for duration in request.durations:
            await ctx.sleep(duration)
            taken.append(ctx.now() - before)
            before = ctx.now()
        return Durations(durations=taken)

    async def at_once(self, ctx: perdure.Context, request: Durations) -> Numbers:
        sleeps = [ctx.sleep(duration) for duration in request.durations]
        numbers = {id(sleep): number for number, sleep in enumerate(sleeps)}
        return Numbers(numbers=[numbers[id(sleep)] async for sleep in perdure.as_completed(*sleeps)])


class Awakener(AwakenerHandlers):
    """Waits to be woken, and wakes others."""

    async def wait(self, ctx: perdure.Context, request: Text) -> Text:
        awakeable = ctx.awakeable(Text)
        await ctx.run("tell", tell, request.text, awakeable.id)
        return await awakeable

    async def wait_for_two(self, ctx: perdure.Context, request: Text) -> Texts:
        first, second = ctx.awakeable(Text), ctx.awakeable(Text)
        await ctx.run("tell", tell, request.text, f"{first.id} {second.id}")
        return Texts(texts=[(await first).text, (await second).text])

    async def catch(self, ctx: perdure.Context, request: Text) -> Failure:
        try:
            await self.wait(ctx, request)
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()

    async def resolve(self, ctx: perdure.Context, request: Completion) -> Failure:
        try:
            await ctx.resolve_awakeable(request.awakeable_id, Text(text=request.text))
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()

    async def reject(self, ctx: perdure.Context, request: Completion) -> Failure:
        try:
            await ctx.reject_awakeable(request.awakeable_id, request.text, code=perdure.StatusCode.ABORTED)
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()


class Listener(ListenerHandlers):
    """Waits for signals, and gives them to others."""

    async def listen(self, ctx: perdure.Context, request: Listening) -> Texts:
        count = int(await ctx.run("how many", ask, request.scene, "how many?"))
        return Texts(texts=[(await ctx.signal("word", Text)).text for _ in range(count)])

    async def listen_to(self, ctx: perdure.Context, request: Listening) -> Texts:
        return Texts(texts=[(await ctx.signal(name, Text)).text for name in request.names])

    async def say(self, ctx: perdure.Context, request: Signal) -> Failure:
        try:
            await ctx.handle(request.invocation_id, Texts).signal(request.name, Text(text=request.text))
        except perdure.TerminalError as error:
            return caught(error)
        return Failure()


class Combiner(CombinerHandlers):
    """Combines steps, each done when the stage says so; the second attempt tells what a replay makes of it."""

    async def gather(self, ctx: perdure.Context, request: Several) -> Texts:
        return await twice(ctx, request.scene, list(await perdure.gather(*steps(ctx, request.scene, request.texts))))

    async def asyncio_gather(self, ctx: perdure.Context, request: Several) -> Texts:
        return await twice(ctx, request.scene, await asyncio.gather(*steps(ctx, request.scene, request.texts)))

    async def race(self, ctx: perdure.Context, request: Several) -> Text:
        first = await perdure.race(*steps(ctx, request.scene, request.texts))
        await twice(ctx, request.scene, [first])
        return Text(text=first)

    async def select(self, ctx: perdure.Context, request: Several) -> Texts:
        named = dict(zip(request.texts, steps(ctx, request.scene, request.texts), strict=True))
        name, text = await perdure.select(**named)
        return await twice(ctx, request.scene, [name, text])

    async def as_completed(self, ctx: perdure.Context, request: Several) -> Texts:
        seen = []
        async for step in perdure.as_completed(*steps(ctx, request.scene, request.texts)):
            seen.append(await step)
        return await twice(ctx, request.scene, seen)

    async def wait(self, ctx: perdure.Context, request: Waiting) -> Numbers:
        waiting = steps(ctx, request.scene, request.texts)
        done, pending = await perdure.wait(*waiting, timeout=request.timeout or None, first=request.first)
        await twice(ctx, request.scene, [str(len(done)), str(len(pending))])
        return Numbers(numbers=[len(done), len(pending)])

    async def or_timeout(self, ctx: perdure.Context, request: Waiting) -> Text:
        try:
            step = ctx.run("ask", ask, request.scene, request.texts[0])
            text = await perdure.or_timeout(step, request.timeout)
        except perdure.TimedOut as error:
            text = error.code.name if isinstance(error, TimeoutError) else "no TimeoutError"
        await twice(ctx, request.scene, [text])
        return Text(text=text)

    async def misuse(self, ctx: perdure.Context, request: Text) -> Text:
        sleep = ctx.sleep(timedelta(0))
        try:
            match request.text:
                case "wait":
                    await asyncio.wait([sleep])
                case "as_completed":
                    for each in asyncio.as_completed([sleep]):
                        await each
                case "wait_for":
                    await asyncio.wait_for(sleep, 1)
                case "timeout":
                    async with asyncio.timeout(0.01):
                        await ctx.awakeable(Text)
        except perdure.UsageError as error:
            return Text(text=str(error))
        return Text(text="nothing was said")


def steps(ctx: perdure.Context, scene: str, questions: list[str]) -> list[perdure.DurableFuture[str]]:
    """A step for each question, done when the stage has answered it."""
    return [ctx.run(question, answer_or_end, scene, question) for question in questions]


async def answer_or_end(scene: str, question: str) -> str:
    """The answer of the stage; "!" before it makes a terminal error of it."""
    answer = await ask(scene, question)
    if answer.startswith("!"):
        raise perdure.TerminalError(answer[1:], perdure.StatusCode.ABORTED)
    return answer


async def twice(ctx: perdure.Context, scene: str, seen: list[str]) -> Texts:
    """Tells what this attempt has seen, and lets the first one fail, so that the second replays it."""
    await tell(scene, f"seen {' '.join(seen)}")
    if ctx.attempt == 1:
        raise perdure.RetryableError("the first attempt fails", retry_after=timedelta(0))
    return Texts(texts=seen)


HANDLERS = (Sleeper(), Awakener(), Listener(), Combiner())
