"""One handler does all that a context offers, and is crashed at each entry of each journal."""

from datetime import timedelta

import perdure
import pytest
from perdure.testing import TestRuntime, crash_everywhere, durable
from trial.v1 import (
    AddRequest,
    AnswerRequest,
    CounterClient,
    CounterState,
    QuestClient,
    QuestRequest,
    Text,
    TrialClient,
)

from tests.testing.handlers import Counting, Does, Questing, World

DAY = timedelta(days=1)


async def use_everything(ctx: perdure.Context, text: str) -> str:
    """Waits in all ways there are; what it gives tells how each of them went."""
    seen: list[object] = []
    seen += await perdure.gather(ctx.run("a", str, 1), ctx.run("b", str, 2), ctx.sleep(DAY))
    winner, _ = await perdure.select(payment=ctx.awakeable(Text), late=ctx.sleep(2 * DAY))
    seen.append(winner)
    sleeps: list[perdure.Durable[None]] = [ctx.sleep(DAY * days) for days in (3, 1, 2)]
    async for done in perdure.as_completed(*sleeps):
        await done
        seen.append(sleeps.index(done))
    seen.append((await CounterClient(ctx, "c").add(AddRequest())).value)
    try:
        await perdure.or_timeout(ctx.signal("go", Text), DAY)
    except perdure.TimedOut:
        seen.append("timed out")
    sent = await TrialClient(ctx).second.send(Text(text="later"), delay=DAY)
    seen.append((await sent.attach()).text)
    quest = QuestClient(ctx, "grail")
    await quest.run.send(QuestRequest())
    await quest.answer(AnswerRequest(answer=Text(text="blue")))
    seen.append((await quest.run.attach()).text)
    try:
        async with perdure.Saga(ctx) as saga:
            saga.compensate("undo", World().do, "undo")
            await ctx.run("refuse", refuse)
    except perdure.TerminalError as error:
        seen.append(error.message)
    return repr(seen)


def refuse() -> None:
    """A step that ends for good."""
    raise perdure.TerminalError("refused")


@pytest.mark.parametrize("always_replay", [False, True])
def test_it_ends_the_same_wherever_it_crashes(always_replay: bool) -> None:
    async def scenario() -> None:
        handlers = (Does(first=use_everything), Counting(), Questing())
        async with TestRuntime(*handlers, always_replay=always_replay) as runtime:
            result = await TrialClient(runtime.client).first(Text())
            assert result.text == ("['1', '2', None, 'late', 1, 2, 0, 1, 'timed out', 'later', 'blue', 'refused']")
            assert (await runtime.state(CounterState, "c")).value == 1

    @durable
    async def crash() -> None:
        crashes = await crash_everywhere(scenario)
        assert len(crashes) > 60

    crash()
