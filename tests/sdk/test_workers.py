"""Who runs the handlers: whatever one of them does to its task, the others go on, and all end with the event loop."""

import asyncio
import subprocess
import sys

from perdure import Context
from perdure.steps import current_step
from perdure.workers import Workers

from tests.sdk.contract import Word, endpoint
from tests.sdk.node import Node, play, turns


def test_a_handler_that_cancels_its_own_task_takes_no_other_with_it() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        task = asyncio.current_task()
        assert task is not None
        if request.text == "cancel":
            task.cancel()
        return request

    async def story(node: Node) -> None:
        for slot in range(1, 6):
            node.start(slot=slot, request=Word(text="cancel" if slot % 2 else "go", number=slot))
        assert sorted([(await node.result()).number for _ in range(5)]) == [1, 2, 3, 4, 5]
        node.start(slot=6, request=Word(number=6))
        assert (await node.result()).number == 6

    play(do, story)


def test_a_handler_that_waits_does_not_hold_up_the_next() -> None:
    go_on = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        if request.number == 1:
            await go_on.wait()
        return request

    async def story(node: Node) -> None:
        for slot in (1, 2, 3):
            node.start(slot=slot, request=Word(number=slot))
        assert [(await node.result()).number for _ in range(2)] == [2, 3]
        go_on.set()
        assert (await node.result()).number == 1

    play(do, story)


def test_an_event_loop_that_ends_ends_them_though_nobody_closed_the_session() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        if request.number == 2:
            await asyncio.Event().wait()
        return request

    async def run() -> None:
        # One worker is idle by then, and one runs a handler.
        node = Node(endpoint(do))
        for slot in (1, 2):
            node.start(slot=slot, request=Word(number=slot))
        await node.result()
        await turns()

    asyncio.run(run())


def test_the_process_of_an_idle_client_ends() -> None:
    code = "import perdure; client = perdure.SyncClient('localhost:1'); print('made')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (ran.stdout, ran.stderr) == ("made\n", "")


def test_a_worker_does_not_inherit_the_context_of_whoever_wakes_it() -> None:
    seen: list[str | None] = []

    async def story() -> None:
        workers = Workers(asyncio.get_running_loop())
        done = asyncio.Event()

        async def job(task: asyncio.Task[None]) -> None:
            seen.append(current_step.get())
            done.set()

        # As when the result of a step, in one process with its node, starts another handler.
        token = current_step.set("charge")
        workers.submit(job)
        current_step.reset(token)
        await done.wait()
        await workers.close()

    asyncio.run(story())
    assert seen == [None]
