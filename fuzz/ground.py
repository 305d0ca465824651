"""What every target stands on: a loop that runs until nothing is left to do, and eyes for what must not happen."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

# What one input may set off within a door is over long before; what is not goes in a circle.
PATIENCE_S = 5.0
# So many turns of the loop are given at once; what takes longer waits for a thread.
EAGER_TURNS = 50
# What is logged as an error has come to nobody's mind; what strangers do wrong is less than that.
LOGGERS = ("perdure", "perdure_runtime", "asyncio", "uvicorn")


class Found(Exception):
    """An input did what no input may do; the message says what."""


class Watch(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False
            logger.setLevel(logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a record."""
        self.errors.append(self.format(record))


class Ground:
    """A loop in the hand of the target."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(self._fail)
        self._watch = Watch()
        self._failures: list[str] = []
        self._resident: set[asyncio.Task[object]] = set()

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Runs something to its end."""
        return self.loop.run_until_complete(work)

    def settle(self) -> None:
        """What runs from now on belongs to the door, not to an input."""
        self._resident = asyncio.all_tasks(self.loop)

    def check(self) -> None:
        """Lets all that an input has set off come to its end. Raises Found."""
        self.run(self._turns())
        left = asyncio.all_tasks(self.loop) - self._resident
        problems = [*self._failures, *self._watch.errors, *(f"left running: {task!r}" for task in left)]
        self._failures.clear()
        self._watch.errors.clear()
        for task in left:
            task.cancel()
        if problems:
            raise Found("\n".join(problems))

    async def _turns(self) -> None:
        this, ends_at_s = asyncio.current_task(), self.loop.time() + PATIENCE_S
        turns = 0
        while asyncio.all_tasks() - self._resident > {this} and self.loop.time() < ends_at_s:
            await asyncio.sleep(0 if turns < EAGER_TURNS else 0.001)
            turns += 1
        await asyncio.sleep(0)

    def _fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self._failures.append(f"{context.get('message')}: {context.get('exception')!r}")
