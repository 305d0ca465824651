"""What a handler awaits: a result that stands in the journal, or will."""

import asyncio
import contextvars
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any, Protocol, Self, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure import codec
from perdure.errors import StatusCode, TerminalError
from perdure.misuse import cancelled_by_clock, check_callback, cut_off
from perdure.vm.describe import describe

T = TypeVar("T")

# Results that somebody else has chosen, and not the handler that the contract names.
FROM_OUTSIDE = frozenset({"await_signal", "awakeable", "get_promise", "peek_promise"})
# Set within handlers and all tasks that they start.
current_attempt: contextvars.ContextVar["Owner | None"] = contextvars.ContextVar("perdure_attempt", default=None)


class Owner(Protocol):
    """The attempt whose results futures stand for.

    Attributes:
        open: Whether the handler may go on.
        task: What drives the handler, once it has begun.
        start: The first frame of the attempt.
    """

    loop: asyncio.AbstractEventLoop
    open: bool
    task: asyncio.Task[None] | None
    start: Start

    @property
    def replaying(self) -> bool:
        """Whether the handler repeats what an earlier attempt did."""

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """The handler has started a task of its own."""

    def check_awaits(self, future: "Durable[Any]") -> None:
        """Whether the running code may await a result of this attempt. Raises UsageError."""

    def sleep(self, duration: timedelta) -> "DurableFuture[None]":
        """Issues a sleep."""

    def or_timeout(self, future: "Durable[T]", timeout: timedelta) -> "Durable[T]":
        """Waits for a result for so long."""


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

    def or_timeout(self, timeout: timedelta) -> "Durable[T]":
        """Waits for the result for so long, on the runtime's clock: as ``perdure.or_timeout(future, timeout)``.

        Raises:
            TimedOut: When awaited: the time was over first.
        """
        return self.attempt.or_timeout(self, timeout)

    def set_result(self, result: T) -> None:
        """Settles it."""
        super().set_result(result)
        self._announce()

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Settles it with an error."""
        super().set_exception(exception)
        self._announce()

    def cancel(self, msg: object = None) -> bool:
        """Gives up on it, as a task that waits for it does when it is cancelled."""
        if not self.done() and self.attempt.open and cancelled_by_clock():
            self.set_exception(cut_off(self))
            return True
        given_up = super().cancel(msg)
        self._announce()
        return given_up

    def add_done_callback(self, fn: Callable[[Self], object], /, *, context: contextvars.Context | None = None) -> None:
        """What asyncio calls.

        Raises:
            UsageError: It is a function of asyncio whose choices a replay could not repeat.
        """
        check_callback(fn)
        super().add_done_callback(fn, context=context)

    def __await__(self) -> Generator[object, None, T]:
        self.attempt.check_awaits(self)
        if self.done() or asyncio.current_task() is self.attempt.task:
            return super().__await__()
        return self._await_in_task()

    # ``yield from`` and asyncio use the one, ``await`` the other.
    __iter__ = __await__

    def _await_in_task(self) -> Generator[object, None, T]:
        waiter = TaskWaiter(self)
        super().add_done_callback(waiter.wake)
        try:
            yield from waiter
        finally:
            self.remove_done_callback(waiter.wake)
        return self.result()

    def _announce(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()


class TaskWaiter(asyncio.Future[None]):
    """What a task of a handler waits through: its cancellation ends the wait, and leaves the result to others.

    Attributes:
        durable: What it waits for.
    """

    def __init__(self, durable: Durable[Any]) -> None:
        super().__init__(loop=durable.attempt.loop)
        self.durable = durable

    def wake(self, durable: "asyncio.Future[Any]") -> None:
        """What it waits for is settled."""
        if not self.done():
            self.set_result(None)

    def cancel(self, msg: object = None) -> bool:
        """Ends the wait."""
        if not self.done() and self.durable.attempt.open and cancelled_by_clock():
            self.set_exception(cut_off(self.durable))
            return True
        return super().cancel(msg)


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
        """Its own."""
        return [self.command]

    def restored(self, result: bytes) -> T:
        """The result that the journal has.

        Raises:
            TerminalError: Somebody else has sent what the handler cannot read. That stays so in each attempt.
        """
        try:
            return self.restore(result)
        except codec.MalformedMessage as error:
            if self.entry.WhichOneof("entry") not in FROM_OUTSIDE:
                raise
            raise TerminalError(f"{describe(self.entry)}: {error}", StatusCode.INVALID_ARGUMENT) from error

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
