"""Steps: running a side effect, once it may start, until it has a result."""

import asyncio
import contextvars
import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ParamSpec, Protocol, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

from perdure.errors import CallError, RetryableError, StatusCode, TerminalError, UnsupportedResult, UsageError
from perdure.failures import failure_of
from perdure.results import dump
from perdure.retry import RetryPolicy
from perdure.vm.replay import Failures

# Set within steps: the name of the step. Durable operations cannot be nested into one.
current_step: contextvars.ContextVar[str | None] = contextvars.ContextVar("perdure_step", default=None)

P = ParamSpec("P")
T = TypeVar("T")
# Set on functions whose steps are cancelled with their invocation.
INTERRUPTIBLE = "__perdure_interruptible__"


class GivenUp:
    """Whether a step is to be tried no more. An event of asyncio's is made only where something waits for it."""

    __slots__ = ("_event", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._event: asyncio.Event | None = None

    def is_set(self) -> bool:
        """Whether it is."""
        return self._is_set

    def set(self) -> None:
        """Gives it up."""
        self._is_set = True
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Waits until it is given up."""
        if not self._is_set:
            self._event = asyncio.Event()
            await self._event.wait()


class StepReports(Protocol):
    """Whom a step tells how it went."""

    async def run_in_thread(self, command: int, call: Callable[[], object]) -> object:
        """Runs a sync function. Raises what it raises."""

    def step_failures(self, command: int) -> Failures:
        """Failed executions so far, those of earlier attempts included."""

    def step_failed(self, command: int, message: str, at_ms: int) -> None:
        """An execution failed and will be repeated."""

    def step_ended(self, command: int, result: bytes | Failure, at_ms: int) -> None:
        """The step has a result."""

    def fail(self, error: BaseException) -> None:
        """The attempt fails."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that a handler asked for.

    Attributes:
        context: The context variables of the handler at that place.
        interruptible: Whether its function is cancelled with its invocation.
    """

    name: str
    function: Callable[..., object]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    retry: RetryPolicy | None
    context: contextvars.Context
    interruptible: bool = False

    async def execute(self, command: int, reports: StepReports, given_up: "GivenUp") -> None:
        """Runs the function until it has a result, the attempt fails, or a failure finds it given up."""
        failed: Exception
        task = asyncio.current_task()
        assert task is not None
        while True:
            try:
                result = dump(await self._perform(command, reports), self.name)
            except asyncio.CancelledError as error:
                if given_up.is_set() and self.interruptible:
                    reports.step_ended(command, cancelled_step(self.name), now_ms())
                    return
                if task.cancelling():
                    raise
                # Its own doing, such as a task that it awaits and that was cancelled.
                failed = RuntimeError("the step cancelled itself")
                failed.__cause__ = error
            except TerminalError as error:
                if not isinstance(error, CallError):
                    reports.step_ended(command, failure_of(error), now_ms())
                    return
                failed = error
            except UnsupportedResult as error:
                # Trying again would repeat the side effect and fail the same way.
                reports.fail(error)
                return
            except Exception as error:
                failed = error
            else:
                reports.step_ended(command, result, now_ms())
                return
            if task.cancelling():
                return  # The attempt is over, whatever the function made of its cancellation.
            wait_s = 0.0 if given_up.is_set() else self._next_try(command, reports, failed)
            if wait_s is None:
                return
            try:
                async with asyncio.timeout(wait_s):
                    await given_up.wait()
            except TimeoutError:
                continue  # Its next try.
            reports.step_ended(command, cancelled_step(self.name), now_ms())
            return

    def _next_try(self, command: int, reports: StepReports, error: Exception) -> float | None:
        """Seconds to the next execution, or None if there is none."""
        if self.retry is None:
            error.add_note(f"in step {self.name!r}")
            reports.fail(error)
            return None
        before, at_ms = reports.step_failures(command), now_ms()
        failures = before.count + 1
        text = f"{type(error).__name__}: {error}"
        tried_ms = at_ms - before.first_ms if before.count else 0
        if self.retry.exhausted(failures, timedelta(milliseconds=tried_ms)):
            ended = TerminalError(f"step {self.name!r} failed {failures} times: {text}", StatusCode.UNKNOWN)
            reports.step_ended(command, failure_of(ended), at_ms)
            return None
        reports.step_failed(command, text, at_ms)
        if isinstance(error, RetryableError) and error.retry_after is not None:
            return error.retry_after.total_seconds()
        return self.retry.interval_s(failures)

    async def _perform(self, command: int, reports: StepReports) -> object:
        if is_async(self.function):
            result = self.function(*self.args, **self.kwargs)
        else:
            call = functools.partial(self.function, *self.args, **self.kwargs)
            result = await reports.run_in_thread(command, call)
        # A lambda around an async function is no coroutine function, but gives a coroutine.
        return await result if inspect.isawaitable(result) else result


def cancelled_step(name: str) -> Failure:
    """The result of a step that was not done when its invocation was cancelled."""
    return failure_of(
        TerminalError(f"step {name!r} was not done when its invocation was cancelled", StatusCode.CANCELLED)
    )


def make_step(
    name: str,
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    retry: RetryPolicy | None,
) -> Step:
    """Checks what a handler asked for.

    Raises:
        UsageError: It cannot be run.
    """
    if not isinstance(name, str) or not name.strip():
        raise UsageError(
            f'ctx.run got the name {name!r}: give each step a name, such as ctx.run("charge", charge_card, card)'
        )
    if not callable(function):
        hint = " (call it with its arguments as ctx.run(name, fn, *args), not ctx.run(name, fn(*args)))"
        if inspect.iscoroutine(function):
            function.close()
        raise UsageError(f"step {name!r} needs a function, not a {type(function).__name__}{hint}")
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise UsageError(
            f"step {name!r} got retry={retry!r}: give a perdure.RetryPolicy; an argument of the function that is "
            "called retry needs functools.partial"
        )
    context = contextvars.copy_context()
    context.run(current_step.set, name)
    return Step(name, function, args, kwargs, retry, context, getattr(function, INTERRUPTIBLE, False) is True)


def interruptible(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Lets a cancellation of the invocation end a step in the middle::

        await ctx.run("ask", perdure.interruptible(ask), sku)

    Otherwise a step that runs is let end, and the cancellation is raised after it. The function gets an
    asyncio.CancelledError where it waits, and nobody knows what it has done by then, as after a crash.

    Raises:
        UsageError: It is no async function: a thread cannot be stopped.
    """
    if not is_async(function):
        raise UsageError(f"perdure.interruptible takes an async function, not {function!r}: a thread cannot be stopped")

    @functools.wraps(function)
    async def interruptibly(*args: P.args, **kwargs: P.kwargs) -> T:
        return await function(*args, **kwargs)

    setattr(interruptibly, INTERRUPTIBLE, True)
    return interruptibly


def is_async(function: Callable[..., object]) -> bool:
    """Whether a function, or what a partial or callable object stands for, is a coroutine function."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # the method itself is asked, not whether there is one


def now_ms() -> int:
    """The clock of this endpoint."""
    return time.time_ns() // 1_000_000
