"""What a handler awaits: a result that stands in the journal, or will."""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any, Protocol, Self, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure.errors import UsageError
from perdure.vm.describe import describe

T = TypeVar("T")

# Callbacks by which functions of asyncio give themselves away, and what to use in their place.
MISUSES = {
    "_wait.<locals>._on_completion": ("asyncio.wait", "perdure.wait"),
    "as_completed.<locals>._on_completion": ("asyncio.as_completed", "perdure.as_completed"),
    "_release_waiter": ("asyncio.wait_for", "perdure.or_timeout"),
}


class Owner(Protocol):
    """The attempt whose results futures stand for.

    Attributes:
        open: Whether the handler may go on.
    """

    loop: asyncio.AbstractEventLoop
    open: bool

    def check_awaits(self, future: "Durable[Any]") -> None:
        """Whether the running code may await a result of this attempt. Raises UsageError."""

    def sleep(self, duration: timedelta) -> "DurableFuture[None]":
        """Issues a sleep."""


class Durable(asyncio.Future[T]):
    """Something that only the journal settles, in an order that each replay repeats.

    It is an asyncio future, so ``asyncio.gather`` takes it as it is.

    Attributes:
        attempt: Whose it is; only this attempt can await it.
    """

    def __init__(self, attempt: Owner) -> None:
        super().__init__(loop=attempt.loop)
        self.attempt = attempt
        self._watchers: list[Callable[[], None]] = []

    def commands(self) -> list[int]:
        """Ordinals of the commands whose results can settle it; none where only a cancellation can."""
        return []

    def watch(self, watcher: Callable[[], None]) -> None:
        """Calls ``watcher`` at the very moment at which it is settled, or now where it is.

        Callbacks of asyncio come a turn of the event loop later: too late to tell which result was seen first.
        """
        if self.done():
            watcher()
        else:
            self._watchers.append(watcher)

    def set_result(self, result: T) -> None:
        """Settles it."""
        super().set_result(result)
        self._announce()

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Settles it with an error."""
        super().set_exception(exception)
        self._announce()

    def add_done_callback(self, fn: Callable[[Self], object], /, *, context: contextvars.Context | None = None) -> None:
        """What asyncio calls.

        Raises:
            UsageError: It is a function of asyncio whose choices a replay could not repeat.
        """
        inner = fn.func if isinstance(fn, functools.partial) else fn
        misuse = MISUSES.get(getattr(inner, "__qualname__", ""))
        if misuse is not None:
            raise UsageError(
                f"{misuse[0]} would decide by the clock and the turns of this process, which a replay cannot repeat: "
                f"use {misuse[1]}"
            )
        super().add_done_callback(fn, context=context)

    def __await__(self) -> Generator[object, None, T]:
        self.attempt.check_awaits(self)
        return super().__await__()

    # ``yield from`` and asyncio use the one, ``await`` the other.
    __iter__ = __await__

    def _announce(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()


class DurableFuture(Durable[T]):
    """The result of a command: of a call, a step, a sleep.

    Attributes:
        entry: The command.
        command: Its ordinal.
        restore: Makes the result of the bytes in the journal.
    """

    def __init__(self, attempt: Owner, entry: Entry, command: int, restore: Callable[[bytes], T]) -> None:
        super().__init__(attempt)
        self.entry = entry
        self.command = command
        self.restore = restore

    def commands(self) -> list[int]:
        return [self.command]

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else "done" if self.done() else "pending"
        return f"<DurableFuture {self.command}: {describe(self.entry)}, {state}>"


class Awakeable(DurableFuture[T]):
    """A result that somebody outside gives who is told its id.

    Attributes:
        id: Hard to guess; whoever has it may resolve or reject the awakeable, once.
    """

    id: str


class CancellationSeen(Durable[None]):
    """Settled when the invocation is cancelled."""

    def __repr__(self) -> str:
        return "<ctx.cancellation()>"
