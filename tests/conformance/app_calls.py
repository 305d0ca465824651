"""Handlers that call others, and handlers that are called."""

from datetime import timedelta

import perdure
from conformance.v1 import (
    AskedFacts,
    Connection,
    DiaryClient,
    DiaryContext,
    DiaryHandlers,
    DiarySharedContext,
    Errand,
    FactsClient,
    FactsHandlers,
    HalfHiddenClient,
    HalfHiddenHandlers,
    HiddenClient,
    HiddenHandlers,
    Key,
    KeyText,
    KnownFacts,
    Nothing,
    Number,
    Reply,
    SwitchboardHandlers,
    Text,
    Texts,
    WriterHandlers,
)

from tests.conformance.speak import ask


class Diary(DiaryHandlers):
    """Keeps lines in the order in which they came."""

    async def append(self, ctx: DiaryContext, request: KeyText) -> Texts:
        lines = [*await ctx.state.lines.get(), request.text]
        ctx.state.lines.set(lines)
        return Texts(texts=lines)

    async def append_when_answered(self, ctx: DiaryContext, request: KeyText) -> Texts:
        await ctx.run("ask", ask, request.key, request.text)
        return await self.append(ctx, request)

    async def read(self, ctx: DiarySharedContext, request: Key) -> Texts:
        return Texts(texts=await ctx.state.lines.get())


class Writer(WriterHandlers):
    """Writes into diaries in every way there is."""

    async def call_each(self, ctx: perdure.Context, request: Errand) -> Texts:
        diary = DiaryClient(ctx, request.diary)
        lines = Texts()
        for text in request.texts:
            lines = await diary.append(KeyText(text=text))
        return lines

    async def call_all(self, ctx: perdure.Context, request: Errand) -> Texts:
        diary = DiaryClient(ctx, request.diary)
        calls = [diary.append(KeyText(text=text)) for text in request.texts]
        for call in calls:
            await call
        return await calls[-1]

    async def by_turns(self, ctx: perdure.Context, request: Errand) -> Texts:
        diary = DiaryClient(ctx, request.diary)
        for number, text in enumerate(request.texts[:-1]):
            if number % 2:
                diary.append(KeyText(text=text))
            else:
                diary.append.send(KeyText(text=text))
        return await diary.append(KeyText(text=request.texts[-1]))

    async def send_all(self, ctx: perdure.Context, request: Errand) -> Texts:
        diary = DiaryClient(ctx, request.diary)
        for text in request.texts[:-1]:
            diary.append.send(KeyText(text=text))
        return await diary.append(KeyText(text=request.texts[-1]))

    async def send_later(self, ctx: perdure.Context, request: Errand) -> Texts:
        diary = DiaryClient(ctx, request.diary)
        sends = [
            diary.append.send(KeyText(text=text), delay=request.delay * (number + 1))
            for number, text in enumerate(request.texts)
        ]
        return Texts(texts=[(await send).invocation_id for send in sends])

    async def repeat(self, ctx: perdure.Context, request: Errand) -> Texts:
        diary = DiaryClient(ctx, request.diary)
        ids = []
        for text in request.texts * 2:
            await diary.append(KeyText(text=text), idempotency_key=text)
            sent = await diary.append.send(KeyText(text=text), idempotency_key=text, delay=timedelta(0))
            ids.append(sent.invocation_id)
        return Texts(texts=ids)

    async def attach_later(self, ctx: perdure.Context, request: Errand) -> Texts:
        sent = await DiaryClient(ctx, request.diary).append_when_answered.send(KeyText(text=request.texts[0]))
        before = await sent.output()
        await ctx.run("ask", ask, request.diary, "attach?")
        attached = await sent.attach()
        after = await sent.output()
        return Texts(texts=["none" if before is None else "some", *attached.texts, *(after or Texts()).texts])

    async def attach_to(self, ctx: perdure.Context, request: Text) -> Texts:
        return await ctx.handle(request.text, Texts).attach()


class Switchboard(SwitchboardHandlers):
    """Knows no contract of those it calls."""

    async def call(self, ctx: perdure.Context, request: Connection) -> Reply:
        generic = perdure.GenericClient(ctx)
        return Reply(payload=await generic.call(request.service, request.handler, request.payload, key=request.key))

    async def send(self, ctx: perdure.Context, request: Connection) -> Text:
        generic = perdure.GenericClient(ctx)
        sent = await generic.send(request.service, request.handler, request.payload, key=request.key)
        return Text(text=sent.invocation_id)


class Facts(FactsHandlers):
    """Tells what it knows of its invocation."""

    async def tell(self, ctx: perdure.Context, request: Nothing) -> KnownFacts:
        return KnownFacts(
            invocation_id=ctx.invocation_id,
            attempt=ctx.attempt,
            headers=dict(ctx.headers),
            idempotency_key=ctx.idempotency_key,
            deployment_id=ctx.deployment_id,
        )

    async def tell_through(self, ctx: perdure.Context, request: AskedFacts) -> KnownFacts:
        facts = FactsClient(ctx)
        return await facts.tell(
            Nothing(), idempotency_key=request.idempotency_key or None, headers=request.headers or None
        )

    async def second_attempt(self, ctx: perdure.Context, request: Nothing) -> Number:
        if ctx.attempt == 1:
            raise perdure.RetryableError("once more", retry_after=timedelta(0))
        return Number(number=ctx.attempt)


class Hidden(HiddenHandlers):
    """Heard by handlers only."""

    async def whisper(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=request.text.lower())


class HalfHidden(HalfHiddenHandlers):
    """Its open handler calls what is private."""

    async def open(self, ctx: perdure.Context, request: Text) -> Text:
        closed = await HalfHiddenClient(ctx).closed(request)
        return await HiddenClient(ctx).whisper(closed)

    async def closed(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=f"{request.text}!")


HANDLERS = (Diary(), Writer(), Switchboard(), Facts(), Hidden(), HalfHidden())
