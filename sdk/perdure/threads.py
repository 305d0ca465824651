"""Functions of steps that run in threads, which nobody can stop.

An attempt may end while such a function runs: another step failed, or an operator paused the invocation. The next
attempt that comes to the same step in this process takes the run over, so that it does not run twice, or twice at once.
"""

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

# Threads of sync steps, which mostly wait for the world. asyncio's own pool has a few more than the machine has cores,
# and looks up host names too.
THREADS = ThreadPoolExecutor(64, "perdure step")
# The result of a run that its attempt has left waits so long for another one.
KEPT_S = 60.0


class StepThreads:
    """The runs of one endpoint, by the id of their invocation and the ordinal of their step."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], Future[object]] = {}
        # When an attempt left its run, by the monotonic clock; the oldest first.
        self._left: dict[tuple[str, int], float] = {}

    def has(self, invocation_id: str, command: int) -> bool:
        """Whether an earlier attempt has left a run of a step."""
        return (invocation_id, command) in self._left

    async def run(self, invocation_id: str, command: int, call: Callable[[], object]) -> object:
        """Runs a function in a thread, or waits for the run that an earlier attempt has left. Raises what it raises."""
        self._forget_old()
        key = invocation_id, command
        self._left.pop(key, None)
        future = self._runs.get(key)
        if future is None:
            future = self._runs[key] = THREADS.submit(contextvars.copy_context().run, _shielded, call)
        try:
            result = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.cancelled():
                self._runs.pop(key, None)
            else:
                self._left[key] = time.monotonic()
            raise
        except BaseException:
            self._runs.pop(key, None)
            raise
        self._runs.pop(key, None)
        return result

    def _forget_old(self) -> None:
        before = time.monotonic() - KEPT_S
        for key, left_at in list(islice(self._left.items(), 16)):
            if left_at > before or not self._runs[key].done():
                return
            del self._left[key], self._runs[key]


def _shielded(call: Callable[[], object]) -> object:
    try:
        return call()
    except StopIteration as error:
        # A future cannot carry it.
        raise RuntimeError("the function raised StopIteration") from error
