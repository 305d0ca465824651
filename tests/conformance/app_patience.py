"""Handlers that leave memory while they wait."""

import asyncio
from datetime import timedelta

import perdure
from conformance.v1 import Number, PatientHandlers, Span, Text

from tests.conformance.speak import tell


class Patient(PatientHandlers):
    """Tells, outside of a step, each time its code starts."""

    async def wait(self, ctx: perdure.Context, request: Text) -> Text:
        await tell(request.text, f"attempt {ctx.attempt}")
        return await ctx.signal("go", Text)

    async def sleep(self, ctx: perdure.Context, request: Span) -> Number:
        await tell(request.scene, f"attempt {ctx.attempt}")
        await ctx.sleep(request.duration)
        return Number(number=ctx.attempt)

    async def hang(self, ctx: perdure.Context, request: Text) -> Number:
        await tell(request.text, f"attempt {ctx.attempt}")
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        await ctx.sleep(timedelta(0))
        return Number(number=ctx.attempt)


HANDLERS = (Patient(),)
