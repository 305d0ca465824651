"""Functions of steps that run in threads, which nobody can stop.

An attempt may end while such a function runs: another step failed, or an operator paused the invocation. The next
attempt that comes to the same step in this process takes the run over, so that it does not run twice, or twice at once.
"""

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

# Threads of sync steps, which mostly wait for the world. asyncio's own pool has a few more than the machine has cores,
# and looks up host names too.
THREADS = ThreadPoolExecutor(64, "perdure step")
# The result of a run that its attempt has left waits so long for another one.
KEPT_S = 60.0


@dataclass(slots=True)
class Run:
    """A function in a thread.

    Attributes:
        left_at: When its attempt left it, by the monotonic clock.
    """

    future: "Future[object]"
    left_at: float | None = None


class StepThreads:
    """The runs of one endpoint, by the id of their invocation and the ordinal of their step."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], Run] = {}

    async def run(self, invocation_id: str, command: int, call: Callable[[], object]) -> object:
        """Runs a function in a thread, or waits for the run that an earlier attempt has left. Raises what it raises."""
        self._forget_old()
        key = invocation_id, command
        run = self._runs.get(key)
        if run is None:
            context = contextvars.copy_context()
            run = self._runs[key] = Run(THREADS.submit(context.run, _shielded, call))
        run.left_at = None
        try:
            result = await asyncio.wrap_future(run.future)
        except asyncio.CancelledError:
            if run.future.cancelled():
                self._runs.pop(key, None)
            else:
                run.left_at = time.monotonic()
            raise
        except BaseException:
            self._runs.pop(key, None)
            raise
        self._runs.pop(key, None)
        return result

    def _forget_old(self) -> None:
        before = time.monotonic() - KEPT_S
        old = [key for key, run in self._runs.items() if run.future.done() and (run.left_at or before) < before]
        for key in old:
            del self._runs[key]


def _shielded(call: Callable[[], object]) -> object:
    try:
        return call()
    except StopIteration as error:
        # A future cannot carry it.
        raise RuntimeError("the function raised StopIteration") from error
