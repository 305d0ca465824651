"""The tasks that handlers start: their driver must know of them from their first moment.

What a handler does depends on the order in which it sees results. With tasks of its own that order is theirs too, even
before they have asked for anything.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any, TypeAlias

from perdure.futures import current_attempt
from perdure.steps import current_step

# What asyncio calls with a loop, a coroutine, and by name whatever its version gives a task.
Factory: TypeAlias = Callable[..., "asyncio.Future[Any]"]


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Lets all tasks that handlers start on a loop be known to their attempts. Doing so twice is doing so once."""
    before = loop.get_task_factory()
    if not isinstance(before, HandlerTasks):
        loop.set_task_factory(HandlerTasks(before))


class OwnTasks:
    """The tasks that one handler has started and that have not ended, in the order in which it started them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._loop = loop
        self._ended: asyncio.Future[None] | None = None

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """One more."""
        self._tasks[task] = None
        task.add_done_callback(self._on_done)

    def ended(self) -> "asyncio.Future[None]":
        """Done once none is left."""
        self._ended = self._loop.create_future()
        return self._ended

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(tuple(self._tasks))

    def __len__(self) -> int:
        return len(self._tasks)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self._tasks and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


class HandlerTasks:
    """A task factory around the one that is there."""

    def __init__(self, before: Factory | None) -> None:
        self._before = before

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,
    ) -> "asyncio.Future[Any]":
        """Makes a task."""
        task = asyncio.Task(coro, loop=loop, **options) if self._before is None else self._before(loop, coro, **options)
        context = options.get("context")
        attempt = current_attempt.get() if context is None else context.get(current_attempt)
        step = current_step.get() if context is None else context.get(current_step)
        # What a step does is no concern of the journal.
        if attempt is not None and step is None and isinstance(task, asyncio.Task):
            attempt.adopt(task)
        return task
