"""What cannot be a step, and what a step cannot do: refused, with what to write instead."""

from datetime import timedelta

import pytest
from perdure import Context, UsageError

from tests.sdk.contract import Word
from tests.sdk.node import Node, play


@pytest.mark.parametrize(
    ("name", "function", "says"),
    [
        ("", print, "give each step a name"),
        ("step", 7, "needs a function, not a int"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_what_to_write(name: str, function: object, says: str) -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match=says):
            ctx.run(name, function)  # type: ignore[call-overload]  # the point
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)


def test_a_coroutine_in_place_of_a_function_is_refused_with_what_to_write() -> None:
    async def work() -> None: ...

    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(UsageError, match=r"ctx\.run\(name, fn, \*args\)"):
            ctx.run("work", work())  # type: ignore[call-overload]  # the point
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.result()

    play(do, story)


def test_durable_operations_inside_a_step_are_refused_in_async_and_sync_functions() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        async def nested() -> str:
            with pytest.raises(UsageError, match="inside step 'outer'"):
                ctx.sleep(timedelta(seconds=1))
            return "refused"

        def nested_in_a_thread() -> str:
            with pytest.raises(UsageError, match="inside step 'thread'"):
                ctx.run("inner", print)
            return "refused"

        answers = [await ctx.run("outer", nested), await ctx.run("thread", nested_in_a_thread)]
        return Word(text=" ".join(answers))

    async def story(node: Node) -> None:
        node.start()
        for command in range(2):
            await node.entry()
            node.grant(command)
            await node.entry()
            node.accept(command)
        assert (await node.result()).text == "refused refused"

    play(do, story)


def test_a_step_that_awaits_a_durable_result_is_refused() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        sleep = ctx.sleep(timedelta(seconds=1))

        async def wait() -> str:
            with pytest.raises(UsageError, match="await it in the handler"):
                await sleep
            return "refused"

        return Word(text=await ctx.run("wait", wait))

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        await node.entry()
        node.grant(1)
        await node.entry()
        node.accept(1)
        assert (await node.result()).text == "refused"

    play(do, story)
