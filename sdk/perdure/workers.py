"""The tasks in which handlers run.

A handler that never has to wait needs no task of its own: one worker runs them one after another, in one turn of the
event loop. A handler that waits keeps its worker, and another one takes over. All run within a task, so whatever of
asyncio asks for the current task works in handlers.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

# A batch of frames should not keep other tasks of the process waiting for long.
RUNS_BEFORE_A_BREAK = 64
MAX_IDLE = 64
CLOSE_AFTER_S = 5.0

log = logging.getLogger("perdure")

# Runs in the task that it is given; what it raises is a bug of this package.
Job: TypeAlias = Callable[[asyncio.Task[None]], Awaitable[None]]


class Workers:
    """Runs jobs in order of submission, as many at a time as wait for something."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: deque[Job] = deque()
        self._idle: dict[asyncio.Task[None], asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # The worker that will come to the queue by itself.
        self._active: asyncio.Task[None] | None = None
        self._closed = False

    def submit(self, job: Job) -> None:
        """Runs a job soon."""
        self._queue.append(job)
        if self._active is None:
            self._wake()

    def blocked(self, task: asyncio.Task[None]) -> None:
        """The job in this task waits for something: another worker is to go on with the queue."""
        if self._active is task:
            self._active = None
        if self._queue and self._active is None:
            self._wake()

    async def close(self) -> None:
        """Cancels all jobs and waits for them, though not for those that refuse to end."""
        self._closed = True
        self._queue.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=CLOSE_AFTER_S)
            if left:
                log.warning("%d handlers have not ended %g s after their cancellation", len(left), CLOSE_AFTER_S)

    def _wake(self) -> None:
        if self._idle:
            self._active, wakeup = self._idle.popitem()
            wakeup.set_result(None)
        elif not self._closed:
            self._active = self._loop.create_task(self._work(), name="perdure worker", context=contextvars.Context())
            self._tasks.add(self._active)
            self._active.add_done_callback(self._on_done)

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        runs = 0
        while not self._closed:
            while self._queue:
                await self._queue.popleft()(task)
                if task.cancelling():
                    # By the handler itself, or by who ends the event loop: nobody can tell. Another worker goes on.
                    return
                runs += 1
                if runs % RUNS_BEFORE_A_BREAK == 0:
                    await asyncio.sleep(0)
            if self._active is task:
                self._active = None
            # close() may have cancelled this task together with its job, which took it for itself alone.
            if self._closed or len(self._idle) >= MAX_IDLE:
                return
            self._idle[task] = wakeup = self._loop.create_future()
            try:
                await wakeup
            finally:
                self._idle.pop(task, None)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._active is task:
            self._active = None
            if self._queue:
                self._wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a worker of perdure broke", exc_info=error)
