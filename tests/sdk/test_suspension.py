"""A handler that only waits leaves memory, and says what it waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from perdure import Context
from perdure.driver import Driver

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import NEVER_MS, Node, completed, play, ran, turns

DAY = timedelta(days=1)
NEVER = timedelta(milliseconds=NEVER_MS)
Looks = Callable[[], Awaitable[None]]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Waits until the inactivity timeout has passed some times."""
    passed = asyncio.Semaphore(0)
    on_idle = Driver._on_idle

    def noted(driver: Driver) -> None:
        on_idle(driver)
        passed.release()

    monkeypatch.setattr(Driver, "_on_idle", noted)

    async def wait() -> None:
        for _ in range(4):
            await passed.acquire()

    return wait


async def one(ctx: Context) -> None:
    """Waits for command 0."""
    await ctx.sleep(DAY)


async def gathered(ctx: Context) -> None:
    """Waits for commands 0 and 1."""
    await asyncio.gather(ctx.sleep(DAY), StoryClient(ctx).do(Word()))


async def nested(ctx: Context) -> None:
    """Waits for commands 0, 1 and 2."""
    await asyncio.gather(asyncio.gather(ctx.sleep(DAY), ctx.sleep(DAY)), ctx.sleep(DAY))


async def in_tasks(ctx: Context) -> None:
    """Waits for commands 0 and 1, in coroutines of its own."""
    await asyncio.gather(one(ctx), one(ctx))


async def in_tasks_within_tasks(ctx: Context) -> None:
    """Waits for commands 0, 1 and 2, however deep."""
    await asyncio.gather(in_tasks(ctx), one(ctx))


@pytest.mark.parametrize(
    ("wait", "awaiting"),
    [
        (one, {0}),
        (gathered, {0, 1}),
        (nested, {0, 1, 2}),
        (in_tasks, {0, 1}),
        (in_tasks_within_tasks, {0, 1, 2}),
    ],
)
def test_it_names_all_commands_of_which_one_must_complete(
    wait: Callable[[Context], Awaitable[None]], awaiting: set[int]
) -> None:
    stopped = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        try:
            await wait(ctx)
        finally:
            stopped.set()
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        for _ in awaiting:
            await node.entry()
        assert set((await node.next()).suspension.awaiting) == awaiting
        await stopped.wait()
        await node.silence()

    play(do, story)


def test_only_what_has_not_completed_is_waited_for() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await gathered(ctx)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=20)
        for _ in range(2):
            await node.entry()
        node.complete(1)
        assert (await node.next()).suspension.awaiting == [0]

    play(do, story)


def test_it_stays_while_a_step_runs(looks: Looks) -> None:
    end = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        step = ctx.run("long", end.wait)
        await ctx.sleep(DAY)
        return Word(text=str(await step))

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        await node.entry()
        await node.entry()
        node.grant(0)
        await looks()
        await node.silence()
        end.set()
        await node.entry()
        node.accept(0)
        assert (await node.next()).suspension.awaiting == [1]

    play(do, story)


def test_it_stays_while_something_else_might_wake_it(looks: Looks) -> None:
    go_on = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        await asyncio.gather(ctx.sleep(DAY), go_on.wait())
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        await node.entry()
        await looks()
        await node.silence()
        go_on.set()
        assert (await node.next()).suspension.awaiting == [0]

    play(do, story)


def test_a_suspended_invocation_goes_on_in_its_next_attempt() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first = await ctx.run("first", lambda: "first")
        await ctx.sleep(DAY)
        return Word(text=first)

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        await node.entry()
        node.grant(0)
        await node.entry()
        node.accept(0)
        sleep = await node.entry()
        assert (await node.next()).suspension.awaiting == [1]
        node.start(slot=2, journal=[ran("first"), completed(0, "first"), sleep, completed(1)], attempt=2)
        assert (await node.result()).text == "first"

    play(do, story)


def test_what_arrives_after_the_suspension_is_ignored() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(DAY)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        await node.entry()
        assert (await node.next()).HasField("suspension")
        node.complete(0)
        await turns()
        await node.silence()

    play(do, story)


def test_it_leaves_at_once_when_a_sleep_takes_longer_than_it_would_wait() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await StoryClient(ctx).do(Word())
        await ctx.sleep(2 * NEVER)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=NEVER_MS)
        await node.entry()
        # The first wait, which may end at any time, has set its timer.
        await turns()
        node.complete(0)
        await node.entry()
        assert (await node.next()).suspension.awaiting == [1]

    play(do, story)


def test_it_stays_for_a_sleep_that_is_shorter() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(NEVER / 2)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=NEVER_MS)
        await node.entry()
        await node.silence()

    play(do, story)
