"""Running the coroutine of a handler, step by step.

The driver sees each thing that the coroutine awaits. A result that the journal already has is given to it at once,
without a turn of the event loop, so a replay is one straight run. While the handler waits for one result, it sees those
before it in the journal, in that order, and none after it: what it does next cannot depend on when frames arrived.
"""

import asyncio
import contextvars
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

import betterproto

from perdure.attempt import Attempt
from perdure.futures import Durable, DurableFuture, TaskWaiter, current_attempt
from perdure.misuse import cancelled_by_clock, cut_off

# A replaying handler that waits where the journal has it issue a command may have tasks of its own that do so soon.
STUCK_AFTER_S = 1.0
# Turns of the event loop in which no task of a handler could run and none asked for anything: then they have done all
# that they do about one result, and may see the next. Between two tasks a result passes through two callbacks at most.
QUIET_TURNS = 5
# Something of asyncio's that a task waits for is most likely another task's. Where it is not, it gets so many
# inactivity timeouts; then the handler is suspended on the results that it waits for.
PATIENT_TIMEOUTS = 3


class Waiter(asyncio.Future[None]):
    """What a worker awaits while its handler waits.

    Attributes:
        by_clock: Whether it was cancelled by a clock of asyncio's.
    """

    by_clock = False

    def cancel(self, msg: object = None) -> bool:
        """Notes why."""
        self.by_clock = cancelled_by_clock()
        return super().cancel(msg)


class Driver:
    """Drives one handler, within the task of a worker."""

    __slots__ = (
        "_active_at",
        "_attempt",
        "_blocked_on",
        "_cancelled",
        "_idle_timer",
        "_issued",
        "_looked_at",
        "_on_block",
        "_pumping",
        "_stuck_timer",
        "_task",
        "_waiter",
    )

    def __init__(self, attempt: Attempt, on_block: Callable[[], None]) -> None:
        """Drives the handler of an attempt; ``on_block`` is called whenever it is about to wait."""
        self._attempt = attempt
        self._on_block = on_block
        # What the coroutine awaits right now; a bare yield is awaited as None.
        self._blocked_on: tuple[object] | None = None
        self._active_at = 0.0
        # The wait at which the stuck timer has looked once.
        self._looked_at: tuple[object] | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._stuck_timer: asyncio.TimerHandle | None = None
        self._pumping = False
        self._issued = 0
        self._cancelled = False
        self._task: asyncio.Task[None] | None = None
        # What the worker itself awaits while the handler waits: so a cancellation can wake the handler, and what that
        # awaits stays as it is.
        self._waiter: Waiter | None = None

    @types.coroutine
    def drive(
        self, handler: Coroutine[Any, Any, betterproto.Message], task: asyncio.Task[None]
    ) -> Generator[object, None, None]:
        """Runs the handler to its end, or until the attempt is stopped."""
        attempt = self._attempt
        attempt.task = task
        attempt.on_drop = self._drop
        attempt.on_news = self._progress
        self._task = task
        try:
            response = yield from self._steps(handler)
        except (Exception, asyncio.CancelledError) as error:
            attempt.end_with(error)
        except GeneratorExit:
            raise  # The loop has gone, and with it whom one could tell.
        except BaseException as error:
            attempt.end_with(error)
            raise
        else:
            attempt.end(response)
        finally:
            self._finish(task)

    def _steps(self, handler: Coroutine[Any, Any, betterproto.Message]) -> Generator[object, None, betterproto.Message]:
        attempt = self._attempt
        # Context variables of one invocation must not reach the next one that this worker runs.
        run = contextvars.copy_context().run
        run(current_attempt.set, attempt)
        attempt.trace.enter(run)
        error: BaseException | None = None
        while True:
            try:
                awaited = run(handler.send, None) if error is None else run(handler.throw, error)
            except StopIteration as end:
                response: betterproto.Message = end.value
                return response
            error = None
            if isinstance(awaited, Durable) and self._see_until(awaited):
                # It is settled, and nobody needs to wake the task: tell the future that its await was understood.
                awaited._asyncio_future_blocking = False
                error = self._interrupt(awaited)
                continue
            if attempt.dropped and not self._cancelled:
                # Stopped from within, by a command that did not match: it must not go on waiting.
                self._cancelled = True
                error = asyncio.CancelledError()
                continue
            self._blocked_on = (awaited,)
            self._block()
            self._on_block()
            try:
                yield from self._wait(awaited)
            except asyncio.CancelledError as cancelled:
                error = self._stopped(awaited, cancelled)
            except BaseException as thrown:
                error = thrown
            else:
                error = self._interrupt(awaited)
            self._blocked_on = self._waiter = None
            if error is not None and attempt.open and attempt.tasks:
                # Its tasks undo what they did, as it does: it goes on when they have ended.
                yield from self._until(attempt.tasks.ended())

    def _until(self, ended: "asyncio.Future[None]") -> Generator[object, None, None]:
        self._blocked_on = (ended,)
        self._block()
        yield from self._wait(ended)
        self._blocked_on = self._waiter = None

    def _wait(self, awaited: object) -> Generator[object, None, None]:
        """Waits for what the handler awaits, or for its cancellation."""
        if not isinstance(awaited, asyncio.Future):
            yield awaited
            return
        awaited._asyncio_future_blocking = False
        self._waiter = Waiter(loop=self._attempt.loop)
        awaited.add_done_callback(self._wake)
        if self._attempt.interrupts.due:
            self._wake()
        try:
            yield from self._waiter
        finally:
            awaited.remove_done_callback(self._wake)

    def _wake(self, awaited: "asyncio.Future[Any] | None" = None) -> None:
        # What was cut off may be done all the same, a turn too late: that must not wake the next wait.
        stale = awaited is not None and self._blocked_on is not None and self._blocked_on[0] is not awaited
        if self._waiter is not None and not self._waiter.done() and not stale:
            self._waiter.set_result(None)

    def _interrupt(self, awaited: object) -> BaseException | None:
        """The cancellation, where the handler is to get that in place of a result."""
        if self._attempt.interrupts.due and not _is_done(awaited):
            # As a task that is cancelled ends what it waits for.
            for task in self._attempt.tasks:
                task.cancel()
            if isinstance(awaited, asyncio.Future):
                # The handler turns away from it: whatever comes of it, asyncio need not warn.
                awaited.add_done_callback(_look_away)
            return self._attempt.interrupts.take()
        return None

    def _stopped(self, awaited: object, cancelled: asyncio.CancelledError) -> BaseException:
        """What the handler gets when the task that drives it is cancelled."""
        if self._attempt.open and self._waiter is not None and self._waiter.by_clock and commands_awaited(awaited):
            return cut_off(awaited)
        if isinstance(awaited, asyncio.Future):
            # As if the task had awaited it itself; what comes of it, nobody looks at any more.
            awaited.add_done_callback(_look_away)
            awaited.cancel()
        return cancelled

    def _see_until(self, future: Durable[Any]) -> bool:
        while not future.done() and not self._attempt.interrupts.due:
            if self._attempt.has_tasks or not self._attempt.see_next():
                return False
        return True

    # Waiting.

    def _block(self) -> None:
        attempt = self._attempt
        if not attempt.open:
            return
        if attempt.machine.cancelled:
            attempt.steps.decide()
            attempt.flush()
        self._active_at = attempt.loop.time()
        patience_s = self._patience_s()
        if self._idle_timer is not None and not patience_s:
            self._idle_timer.cancel()  # Of an earlier wait, for which there was more patience.
            self._idle_timer = None
        if self._idle_timer is None:
            self._idle_timer = attempt.loop.call_later(patience_s, self._on_idle)
        if attempt.machine.replaying and self._stuck_timer is None:
            self._stuck_timer = attempt.loop.call_later(STUCK_AFTER_S, self._on_stuck)
        self._progress()

    def _progress(self) -> None:
        if self._blocked_on is None or not self._attempt.open:
            return
        self._active_at = self._attempt.loop.time()
        awaited = self._blocked_on[0]
        if isinstance(awaited, Durable) and not self._attempt.has_tasks:
            self._see_until(awaited)
            if self._attempt.interrupts.due:
                self._wake()
        elif not self._pumping:
            self._pumping = True
            self._pump(QUIET_TURNS)

    def _patience_s(self) -> float:
        """How long the handler may wait in memory, in seconds."""
        timeout_ms = self._attempt.start.inactivity_timeout_ms
        awaited = self._blocked_on[0] if self._blocked_on is not None else None
        if isinstance(awaited, DurableFuture) and awaited.entry.sleep.duration_ms > timeout_ms:
            return 0.0  # It would be suspended before the sleep is over.
        return timeout_ms / 1000

    def _pump(self, turns: int) -> None:
        # Several tasks of the handler may react: they see results one by one, each once all of them have been quiet for
        # some turns, so that what they do about each comes in the order of the results, in this attempt and any replay.
        attempt = self._attempt
        if attempt.machine.issued != self._issued or any(map(_can_run, attempt.tasks)):
            self._issued, turns = attempt.machine.issued, QUIET_TURNS
        if self._blocked_on is None or not attempt.open or _is_done(self._blocked_on[0]):
            self._pumping = False
        elif turns:
            attempt.loop.call_soon(self._pump, turns - 1)
        elif not attempt.interrupts.due and attempt.see_next() and not attempt.interrupts.due:
            attempt.loop.call_soon(self._pump, QUIET_TURNS)
        else:
            self._pumping = False
            if attempt.interrupts.due:
                self._wake()

    def _on_idle(self) -> None:
        self._idle_timer = None
        attempt = self._attempt
        if self._blocked_on is None or not attempt.open:
            return  # The next wait sets the timer again.
        patience_s = self._patience_s()
        left_s = self._active_at + patience_s - attempt.loop.time()
        # A handler that replays what has completed already would be started again at once, for the same wait.
        busy = attempt.machine.steps_open or attempt.machine.replaying or self._pumping
        # What it waits for may have come in this very turn, and its task goes on in the next.
        busy = busy or attempt.interrupts.due or _is_done(self._blocked_on[0])
        waits = None if busy else self._waits(self._blocked_on[0])
        awaiting = waits.commands if waits is not None else None
        if waits is not None and not waits.only_commands:
            left_s += (PATIENT_TIMEOUTS - 1) * patience_s
        if awaiting is not None and left_s <= 0:
            attempt.suspend(awaiting)
        else:
            # Something runs here that nobody tells the end of: look again.
            again_s = left_s if left_s > 0 else max(attempt.start.inactivity_timeout_ms / 1000, 0.01)
            self._idle_timer = attempt.loop.call_later(again_s, self._on_idle)

    def _waits(self, awaited: object) -> "Waits | None":
        """What the handler and its tasks wait for; None where one of them goes on without a result."""
        commands: set[int] = set()
        only_commands = True
        for each in (awaited, *self._attempt.tasks):
            if isinstance(each, asyncio.Task) and _can_run(each):
                return None
            of_each = commands_awaited(each)
            only_commands = only_commands and of_each is not None
            commands.update(of_each or ())
        return Waits(sorted(commands), only_commands) if commands or only_commands else None

    def _on_stuck(self) -> None:
        self._stuck_timer = None
        attempt = self._attempt
        if self._blocked_on is None or not attempt.open or not attempt.machine.replaying:
            return  # The next wait sets the timer again.
        mismatch = None
        if self._looked_at is self._blocked_on:
            awaiting = commands_awaited(self._blocked_on[0])
            mismatch = attempt.machine.stuck(awaiting) if awaiting is not None else None
        if mismatch is not None:
            attempt.fail(mismatch)
            return
        # The wait may have begun just now, or the whole loop may have stood still since it did: look twice.
        self._looked_at = self._blocked_on
        self._stuck_timer = attempt.loop.call_later(STUCK_AFTER_S, self._on_stuck)

    # Stopping.

    def _drop(self) -> None:
        self._cancel_timers()
        if self._blocked_on is not None and self._task is not None:
            self._cancelled = True
            self._task.cancel()

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._cancel_timers()
        if self._cancelled and task.cancelling():
            # The handler was cancelled, not the worker that drives it.
            task.uncancel()

    def _cancel_timers(self) -> None:
        for timer in (self._idle_timer, self._stuck_timer):
            if timer is not None:
                timer.cancel()
        self._idle_timer = self._stuck_timer = None


def _look_away(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()


@dataclass(frozen=True, slots=True)
class Waits:
    """What a handler and its tasks wait for.

    Attributes:
        commands: Those whose results wake one of them.
        only_commands: Whether nothing else may.
    """

    commands: list[int]
    only_commands: bool


def _can_run(task: "asyncio.Task[Any]") -> bool:
    """Whether a task has a turn coming, or has not been seen to wait."""
    waiter: object = getattr(task, "_fut_waiter", None)
    return not task.done() and (not isinstance(waiter, asyncio.Future) or waiter.done())


def _is_done(awaited: object) -> bool:
    return isinstance(awaited, asyncio.Future) and awaited.done()


def commands_awaited(awaited: object) -> list[int] | None:
    """The commands whose results would wake a handler; None where something else might wake it too.

    No commands at all means that only a cancellation can.
    """
    if isinstance(awaited, Durable):
        return awaited.commands()
    if isinstance(awaited, TaskWaiter):
        return None if awaited.done() else awaited.durable.commands()
    if isinstance(awaited, asyncio.Task):
        return commands_awaited(getattr(awaited, "_fut_waiter", None))
    # What asyncio.gather gives knows its parts; where it does not say, the handler stays in memory.
    parts: object = getattr(awaited, "_children", None)
    if not isinstance(parts, list):
        return None
    commands: list[int] = []
    for part in parts:
        if not part.done():
            of_part = commands_awaited(part)
            if of_part is None:
                return None
            commands += of_part
    return commands
