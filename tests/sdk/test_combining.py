"""Several results at once: who is first is what the journal says, in this attempt and in any replay."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import perdure
import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure import Context, TerminalError, UsageError, codec

from tests.sdk.contract import StoryClient, Word
from tests.sdk.node import Node, done, failed, play, slept

DAY = timedelta(days=1)
Told = Callable[[Context, Sequence[Awaitable[Word]]], Awaitable[str]]


def call(ctx: Context) -> Awaitable[Word]:
    """A call whose answer the test gives."""
    return StoryClient(ctx).do(Word())


def three(told: Told) -> Callable[[Context, Word], Awaitable[Word]]:
    """A handler that makes three calls, and tells what a combination of them gives."""

    async def do(ctx: Context, request: Word) -> Word:
        calls = [call(ctx) for _ in range(3)]
        return Word(text=await told(ctx, calls))

    return do


def answer(text: str) -> bytes:
    """An answer on the wire."""
    return codec.encode(Word(text=text))


async def gathered(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """In the order of the arguments."""
    return " ".join(word.text for word in await perdure.gather(*calls))


async def raced(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """The first."""
    return (await perdure.race(*calls)).text


async def selected(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """The first, and which it is."""
    a, b, c = calls
    name, word = await perdure.select(a=a, b=b, c=c)
    return f"{name} {word.text}"


async def completed_one_by_one(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """In the order in which they come."""
    return " ".join([(await future).text async for future in perdure.as_completed(*calls)])


async def waited_for_all(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """In the order of the arguments."""
    settled, pending = await perdure.wait(*calls)
    assert pending == []
    return " ".join([(await future).text for future in settled])


async def waited_for_the_first(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """The first, and how many are left."""
    settled, pending = await perdure.wait(*calls, first=True)
    return f"{(await settled[0]).text} {len(pending)}"


async def in_time(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """One, for which there is time enough."""
    return (await perdure.or_timeout(calls[0], DAY)).text


async def nested(ctx: Context, calls: Sequence[Awaitable[Word]]) -> str:
    """The first of one and two others."""
    name, _ = await perdure.select(one=perdure.race(calls[0]), two=perdure.gather(*calls[1:]))
    return name


ORDER = (2, 0, 1)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (gathered, "from0 from1 from2"),
        (raced, "from2"),
        (selected, "c from2"),
        (completed_one_by_one, "from2 from0 from1"),
        (waited_for_all, "from0 from1 from2"),
        (waited_for_the_first, "from2 2"),
        (in_time, "from0"),
        (nested, "one"),
    ],
)
def test_a_combination_gives_what_the_order_of_the_results_says_and_a_replay_the_same(
    told: Told, expected: str
) -> None:
    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry() for _ in range(4 if told is in_time else 3)]
        for command in ORDER:
            journal.append(done(command, answer(f"from{command}")))
            node.complete(command, answer(f"from{command}"))
        assert (await node.result()).text == expected
        node.start(slot=2, journal=journal, attempt=2)
        assert (await node.result()).text == expected

    play(three(told), story)


@given(order=st.permutations(range(3)), seen=st.integers(0, 3))
def test_what_was_seen_before_a_crash_stays_first_whatever_comes_after_it(order: list[int], seen: int) -> None:
    texts = [f"from{command}" for command in order]

    async def story(node: Node) -> None:
        node.start(attempt=1)
        journal = [await node.entry() for _ in range(3)]
        node.abort()
        journal += [done(command, answer(f"from{command}")) for command in order[:seen]]
        node.start(slot=2, journal=journal, attempt=2)
        for command in order[seen:]:
            node.complete(command, answer(f"from{command}"), slot=2)
        assert (await node.result()).text == " ".join(texts)

    play(three(completed_one_by_one), story)


def test_results_that_come_while_others_are_handled_are_kept() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        texts = []
        async for future in perdure.as_completed(call(ctx), call(ctx)):
            texts.append((await future).text)
            await ctx.sleep(DAY / 1440)
        return Word(text=" ".join(texts))

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.complete(1, answer("b"))
        assert await node.entry() == slept(60_000)
        node.complete(0, answer("a"))
        node.complete(2)
        assert await node.entry() == slept(60_000)
        node.complete(3)
        assert (await node.result()).text == "b a"

    play(do, story)


def test_what_lost_a_race_can_still_be_awaited() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first, second = call(ctx), call(ctx)
        fast = await perdure.race(first, second)
        return Word(text=f"{fast.text} {(await first).text}")

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.complete(1, answer("second"))
        await node.silence()
        node.complete(0, answer("first"))
        assert (await node.result()).text == "second first"

    play(do, story)


def test_an_error_of_what_lost_is_raised_where_it_is_awaited() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first, second = call(ctx), call(ctx)
        name, word = await perdure.select(first=first, second=second)
        with pytest.raises(TerminalError, match="late"):
            await second
        return Word(text=f"{name} {word.text}")

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.complete(0, answer("fast"))
        node.fail(1, 2, "late")
        assert (await node.result()).text == "first fast"

    play(do, story)


def test_what_is_settled_already_is_first() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first, second = call(ctx), call(ctx)
        await second
        name, _ = await perdure.select(first=first, second=second)
        both = perdure.as_completed(first, second)
        return Word(text=f"{name} {(await (await anext(both))).text}")

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.complete(1, answer("b"))
        assert (await node.result()).text == "second b"

    play(do, story)


@pytest.mark.parametrize("combine", [perdure.gather, perdure.race])
def test_the_first_error_is_raised_and_the_other_results_still_come(
    combine: Callable[..., Awaitable[object]],
) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first, second, third = call(ctx), call(ctx), call(ctx)
        with pytest.raises(TerminalError, match="UNKNOWN: no"):
            await combine(first, second, third)
        with pytest.raises(TerminalError, match="never"):
            await third
        return await first

    async def story(node: Node) -> None:
        node.start()
        for _ in range(3):
            await node.entry()
        node.fail(1, 2, "no")
        node.fail(2, 2, "never")
        node.complete(0, answer("first"))
        assert (await node.result()).text == "first"

    play(do, story)


def test_an_error_that_is_first_is_raised_by_select() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="no"):
            await perdure.select(a=call(ctx), b=call(ctx))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.fail(0, 2, "no")
        node.complete(1)
        await node.result()

    play(do, story)


def test_an_error_is_no_reason_for_wait_to_raise() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        calls = [call(ctx), call(ctx)]
        settled, pending = await perdure.wait(*calls)
        assert (settled, pending) == (calls, [])
        with pytest.raises(TerminalError, match="no"):
            await settled[0]
        return await settled[1]

    async def story(node: Node) -> None:
        node.start()
        for _ in range(2):
            await node.entry()
        node.fail(0, 2, "no")
        node.complete(1, answer("yes"))
        assert (await node.result()).text == "yes"

    play(do, story)


# Waiting.


def everything(ctx: Context) -> Awaitable[object]:
    """Commands 0 to 4."""
    a, b, c, d = (call(ctx) for _ in range(4))
    return perdure.race(perdure.gather(a, b), perdure.or_timeout(perdure.select(c=c, d=d), DAY))


def test_a_handler_that_waits_for_a_combination_is_suspended_until_any_of_its_commands_has_completed() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await everything(ctx)
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=20)
        for _ in range(5):
            await node.entry()
        node.complete(1)
        assert list((await node.next()).suspension.awaiting) == [0, 2, 3, 4]

    play(do, story)


def test_tasks_that_wait_for_combinations_end_with_the_attempt() -> None:
    ended = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        async def aside() -> None:
            try:
                await everything(ctx)
            finally:
                ended.set()

        task = asyncio.create_task(aside())
        await ctx.sleep(DAY)
        await task
        return Word()

    async def story(node: Node) -> None:
        node.start()
        for _ in range(6):
            await node.entry()
        node.abort()
        await ended.wait()

    play(do, story)


def test_it_names_each_command_once() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        a, b = call(ctx), call(ctx)
        await perdure.gather(a, perdure.race(a, b))
        return Word()

    async def story(node: Node) -> None:
        node.start(idle_ms=1)
        for _ in range(2):
            await node.entry()
        assert list((await node.next()).suspension.awaiting) == [0, 1]

    play(do, story)


# What does not work, and what to use.


@pytest.mark.parametrize(
    "repeats", [lambda future: perdure.gather(future, future), lambda future: perdure.wait(future)]
)
def test_a_future_may_be_given_twice(repeats: Callable[[Awaitable[Word]], Awaitable[object]]) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await repeats(call(ctx))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.complete(0)
        await node.result()

    play(do, story)


async def one(future: Awaitable[Word]) -> Word:
    """In a task of the handler."""
    return await future


def test_a_task_that_is_cancelled_leaves_what_it_waits_for_to_others() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        future = call(ctx)
        task = asyncio.create_task(one(future))
        first = perdure.race(future, call(ctx))
        await ctx.sleep(DAY / 1440)
        task.cancel()
        return await first

    async def story(node: Node) -> None:
        node.start()
        for _ in range(3):
            await node.entry()
        node.complete(2)
        node.complete(0, answer("first"))
        assert (await node.result()).text == "first"

    play(do, story)


@pytest.mark.parametrize("combine", [perdure.gather, perdure.wait])
def test_none_at_all_are_there_at_once(combine: Callable[..., Awaitable[Sequence[object]]]) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(number=sum(map(bool, await combine())))

    async def story(node: Node) -> None:
        node.start()
        assert (await node.result()).number == 0

    play(do, story)


def test_as_completed_gives_a_future_once_however_often_it_was_given() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        future = call(ctx)
        return Word(number=len([each async for each in perdure.as_completed(future, future)]))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.complete(0)
        assert (await node.result()).number == 1

    play(do, story)


async def coroutine() -> None:
    """Of the handler's own."""


@pytest.mark.parametrize("function", ["gather", "race", "wait", "as_completed"])
def test_a_coroutine_is_refused_with_what_to_use(function: str) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        own = coroutine()
        with pytest.raises(UsageError, match=rf"perdure\.{function} takes .* not a coroutine; .* asyncio\.gather"):
            getattr(perdure, function)(call(ctx), own)
        own.close()
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.result()

    play(do, story)


@pytest.mark.parametrize("function", ["race", "select"])
def test_there_is_no_first_of_none(function: str) -> None:
    with pytest.raises(UsageError, match=rf"perdure\.{function} needs at least one"):
        getattr(perdure, function)()


def test_as_completed_of_nothing_is_empty() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        nothing: list[Awaitable[Word]] = []
        return Word(number=len([each async for each in perdure.as_completed(*nothing)]))

    async def story(node: Node) -> None:
        node.start()
        assert (await node.result()).number == 0

    play(do, story)


def test_a_combination_says_what_it_is_made_of() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=repr(perdure.race(ctx.sleep(DAY))))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        assert (await node.result()).text == "<perdure.race of [<DurableFuture 0: sleep 86400000 ms, pending>]>"

    play(do, story)


def test_the_error_that_was_first_is_first_in_a_replay() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await perdure.gather(call(ctx), call(ctx))
        return Word()

    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry() for _ in range(2)]
        node.abort()
        node.start(slot=2, journal=[*journal, failed(1, "second"), failed(0, "first")], attempt=2)
        assert (await node.failure()).message == "second"

    play(do, story)
