"""Running a server until somebody ends it."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine


def run(serve: Callable[[asyncio.Event], Coroutine[None, None, None]], who: str = "") -> None:
    """Runs ``serve`` with an event that SIGINT and SIGTERM set; its log says ``who`` speaks."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s %(levelname)s {who}%(name)s: %(message)s")
    asyncio.run(_until_signal(serve))


async def _until_signal(serve: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(stop)


async def first(*awaitables: Coroutine[None, None, object]) -> None:
    """Waits until one of them is done, ends the others, and raises what it raised."""
    tasks = [asyncio.create_task(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
