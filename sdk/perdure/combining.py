"""Waiting for several results at once, in an order that a replay repeats.

All of these decide at the moment at which a handler sees a result, and it sees results in the order of its journal: the
branch that it took is the one that it takes again.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar, overload

from perdure.errors import TimedOut, UsageError
from perdure.futures import Durable, current_attempt

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


class Combined(Durable[T]):
    """Settled by what its parts say."""

    def __init__(self, name: str, parts: Sequence[Durable[Any]]) -> None:
        super().__init__(parts[0].attempt)
        self._name = name
        self.parts = parts

    def commands(self) -> list[int]:
        """Those of all parts that are not settled."""
        return [command for part in self.parts if not part.done() for command in part.commands()]

    def __repr__(self) -> str:
        return f"<perdure.{self._name} of {list(self.parts)}>"


@overload
def gather(a: Awaitable[A], /) -> Durable[tuple[A]]: ...
@overload
def gather(a: Awaitable[A], b: Awaitable[B], /) -> Durable[tuple[A, B]]: ...
@overload
def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> Durable[tuple[A, B, C]]: ...
@overload
def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> Durable[tuple[A, B, C, D]]: ...
@overload
def gather(*futures: Awaitable[T]) -> Durable[tuple[T, ...]]: ...
def gather(*futures: Awaitable[Any]) -> Durable[Any]:
    """Waits for all results, and gives them in the order of the arguments.

    Raises:
        TerminalError: When awaited: the first error that the handler sees. The other results still come.
        UsageError: Something else than a durable future was given.
    """
    parts = durables("gather", futures)
    if not parts:
        return done("gather", ())
    whole: Combined[tuple[Any, ...]] = Combined("gather", parts)

    def look(part: Durable[Any]) -> None:
        if (error := part.exception()) is not None:
            whole.set_exception(error)
        elif all(other.done() for other in parts):
            whole.set_result(tuple(other.result() for other in parts))

    _watch(whole, parts, look)
    return whole


def race(*futures: Awaitable[T]) -> Durable[T]:
    """Waits for the first result, or error, and gives it. The others still come, and can be awaited.

    Raises:
        TerminalError: When awaited: the first to be settled was an error.
        UsageError: Something else than a durable future was given.
    """
    whole: Combined[T] = Combined("race", durables("race", futures))

    def look(part: Durable[T]) -> None:
        if (error := part.exception()) is not None:
            whole.set_exception(error)
        else:
            whole.set_result(part.result())

    _watch(whole, whole.parts, look)
    return whole


def select(**futures: Awaitable[T]) -> Durable[tuple[str, T]]:
    """Waits for the first result, and gives its name with it::

        match await perdure.select(payment=payment, deadline=ctx.sleep(timedelta(days=1))):
            case "payment", Payment() as paid: ...
            case "deadline", _: ...

    Raises:
        TerminalError: When awaited: the first to be settled was an error.
        UsageError: Something else than a durable future was given.
    """
    parts = durables("select", tuple(futures.values()))
    whole: Combined[tuple[str, T]] = Combined("select", parts)
    names = dict(zip(map(id, parts), futures, strict=True))

    def look(part: Durable[T]) -> None:
        if (error := part.exception()) is not None:
            whole.set_exception(error)
        else:
            whole.set_result((names[id(part)], part.result()))

    _watch(whole, parts, look)
    return whole


def or_timeout(future: Awaitable[T], timeout: timedelta) -> Durable[T]:
    """Waits for a result for so long, on the runtime's clock.

    The command itself goes on: its result can still be awaited, and what it called can be cancelled.

    Raises:
        TimedOut: When awaited: the time was over first.
        UsageError: Something else than a durable future was given.
    """
    (part,) = durables("or_timeout", (future,))
    clock = part.attempt.sleep(timeout)
    whole: Combined[T] = Combined("or_timeout", (part, clock))

    def look(seen: Durable[Any]) -> None:
        if seen is clock:
            whole.set_exception(TimedOut(f"{part!r} has no result after {timeout}"))
        elif (error := part.exception()) is not None:
            whole.set_exception(error)
        else:
            whole.set_result(part.result())

    _watch(whole, whole.parts, look)
    return whole


def wait(
    *futures: Awaitable[T], timeout: timedelta | None = None, first: bool = False
) -> Durable[tuple[list[Awaitable[T]], list[Awaitable[T]]]]:
    """Waits until all are settled, or with ``first`` one is, or the time is over: gives the settled and the others.

    Both lists are in the order of the arguments. Errors are not raised: they come when one awaits what is settled.

    Raises:
        UsageError: Something else than durable futures was given.
    """
    parts = durables("wait", futures)
    if not parts:
        return done("wait", ([], []))
    clock = None if timeout is None else parts[0].attempt.sleep(timeout)
    whole: Combined[tuple[list[Awaitable[T]], list[Awaitable[T]]]]
    whole = Combined("wait", parts if clock is None else [*parts, clock])

    def look(part: Durable[Any]) -> None:
        if part is clock or first or all(other.done() for other in parts):
            settled = [future for future, each in zip(futures, parts, strict=True) if each.done()]
            whole.set_result(
                (settled, [future for future, each in zip(futures, parts, strict=True) if not each.done()])
            )

    _watch(whole, whole.parts, look)
    return whole


class as_completed(Generic[T]):  # Read as the function that it stands in for.
    """Gives futures in the order in which they are settled::

    async for future in perdure.as_completed(*quotes):
        quote = await future
    """

    def __init__(self, *futures: Awaitable[T]) -> None:
        """Raises UsageError: something else than a durable future was given."""
        self._parts = durables("as_completed", futures)
        self._settled: deque[Durable[T]] = deque()
        self._next: Combined[None] | None = None
        for part in dict.fromkeys(self._parts):
            part.watch(partial(self._look, part))

    def __aiter__(self) -> "as_completed[T]":
        return self

    async def __anext__(self) -> Durable[T]:
        if not self._settled:
            pending = [part for part in self._parts if not part.done()]
            if not pending:
                raise StopAsyncIteration
            self._next = Combined("as_completed", pending)
            await self._next
        return self._settled.popleft()

    def _look(self, part: Durable[T]) -> None:
        waiting = self._next if self._next is not None and not self._next.done() else None
        if not part.cancelled():
            self._settled.append(part)
            if waiting is not None:
                waiting.set_result(None)
        elif waiting is not None:
            waiting.cancel()


def done(function: str, result: T) -> Durable[T]:
    """What waits for nothing.

    Raises:
        UsageError: There is no handler here that could wait.
    """
    attempt = current_attempt.get()
    if attempt is None:
        raise UsageError(f"perdure.{function} works within a handler: it waits for results of its journal")
    nothing: Durable[T] = Durable(attempt)
    nothing.set_result(result)
    return nothing


def durables(function: str, futures: Sequence[Awaitable[Any]]) -> list[Durable[Any]]:
    """The arguments of a combinator, checked.

    Raises:
        UsageError: One is no durable future; or there are none, where one must come first.
    """
    if not futures and function in ("race", "select"):
        raise UsageError(f"perdure.{function} needs at least one durable future")
    parts: list[Durable[Any]] = []
    for future in futures:
        if not isinstance(future, Durable):
            raise UsageError(
                f"perdure.{function} takes what ctx and clients on ctx give, such as ctx.run(...) or ctx.sleep(...), "
                f"not a {type(future).__name__}; for coroutines of your own use asyncio.gather"
            )
        parts.append(future)
    return parts


def _watch(whole: Durable[Any], parts: Sequence[Durable[Any]], look: Callable[[Durable[Any]], None]) -> None:
    for part in dict.fromkeys(parts):
        part.watch(partial(_look_at, whole, part, look))


def _look_at(whole: Durable[Any], part: Durable[Any], look: Callable[[Durable[Any]], None]) -> None:
    if part.cancelled():
        # Given up by the handler, or the attempt is over: there is no result to look at.
        whole.cancel()
    elif whole.done():
        part.exception()  # Seen, though by nobody: asyncio need not warn.
    else:
        look(part)
