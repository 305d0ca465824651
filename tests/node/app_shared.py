"""An endpoint that says which process ran its step, after a moment in which it may be killed."""

import asyncio
import os
from pathlib import Path

import perdure
from trial.v1 import Text, TrialHandlers

WORK_S = 0.02
# Names a file: the step of ``second`` ends once it is there.
GATE = "SHARED_GATE"


class Working(TrialHandlers):
    """``first`` takes WORK_S, ``second`` waits for the gate."""

    async def first(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=await ctx.run("work", work))

    async def second(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=await ctx.run("wait", wait))


async def work() -> str:
    """Takes a moment, and says which process this is."""
    await asyncio.sleep(WORK_S)
    return str(os.getpid())


async def wait() -> str:
    """Waits for the gate, and says which process this is."""
    gate = Path(os.environ[GATE])
    while not await asyncio.to_thread(gate.exists):  # noqa: ASYNC110  # Nothing tells when a file comes.
        await asyncio.sleep(0.01)
    return str(os.getpid())


app = perdure.Endpoint(Working())
