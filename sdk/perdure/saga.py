"""Sagas: what was done is undone when the rest cannot be done."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, ParamSpec, Self

from perdure.context import Context
from perdure.errors import CallError, CancelledInvocation, TerminalError
from perdure.failures import terminal_error

P = ParamSpec("P")


class Saga:
    """Compensations that run, the newest first, when a terminal error leaves the block::

        async with perdure.Saga(ctx) as saga:
            saga.compensate("cancel flight", cancel_flight, trip_id)
            await ctx.run("book flight", book_flight, trip_id)
            ...

    Each compensation is a durable step, so it survives crashes as all else does. A cancellation is a terminal error
    too. Any other exception makes the runtime try again, and undoes nothing. The error goes on after the block.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._compensations: list[Callable[[], Awaitable[object]]] = []
        # How many commands the handler had issued when the block began: what it asked for before is not the saga's.
        self._begun = ctx._attempt.issued

    def compensate(self, name: str, fn: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Registers a step that undoes something.

        Before its action: then it also runs where nobody knows whether the action took place, and must not mind. After
        it: then it runs only where the action has its result.
        """
        self._compensations.append(lambda: self._ctx.run(name, fn, *args, **kwargs))

    def compensate_with(self, call: Callable[[], Awaitable[object]]) -> None:
        """Registers a call that undoes something: ``saga.compensate_with(lambda: hotel.release(request))``."""
        self._compensations.append(call)

    async def __aenter__(self) -> Self:
        self._begun = self._ctx._attempt.issued
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        terminal = terminal_error(error)
        # A task of a handler hears of the cancellation as tasks do.
        told = isinstance(error, asyncio.CancelledError) and self._ctx._attempt.cancelled
        if told or isinstance(terminal, CancelledInvocation):
            await self._compensate()  # What ran has ended, before the handler was told.
        elif terminal is not None:
            await self.undo()

    async def undo(self) -> None:
        """Runs the compensations now, the newest first. What is undone is not undone again.

        Steps that the handler has asked for within the block are let end first, and calls under way are cancelled:
        nothing is undone while it is being done.

        A compensation that ends in a terminal error of its own does not keep the others from running; the first such
        error is raised at the end.

        Raises:
            TerminalError: A compensation ended with it.
        """
        with self._ctx.shield():
            await self._ctx._end_what_runs(self._begun)
        await self._compensate()

    async def _compensate(self) -> None:
        failed: TerminalError | None = None
        while self._compensations:
            compensation = self._compensations.pop()
            try:
                # A cancellation would leave the rest undone.
                with self._ctx.shield():
                    await compensation()
            except CallError:
                raise
            except TerminalError as error:
                failed = failed or error
        if failed is not None:
            raise failed
