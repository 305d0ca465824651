"""Running a server until somebody ends it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType

from perdure.logs import invocation_fields, is_replaying

from perdure_runtime.telemetry.logs import configure_logs
from perdure_runtime.telemetry.settings import LogSettings

NOTHING: Mapping[str, object] = MappingProxyType({})


def run(
    serve: Callable[[asyncio.Event], Coroutine[None, None, None]],
    logs: LogSettings,
    who: Mapping[str, object] = NOTHING,
) -> None:
    """Runs ``serve`` with an event that SIGINT and SIGTERM set; each line of its log says ``who`` it is."""
    configure_logs(logs, fields=(lambda: who, invocation_fields), quiet=(is_replaying,))
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
