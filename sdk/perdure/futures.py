"""What a handler awaits: a result that stands in the journal, or will."""

import asyncio
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from perdure.attempt import Attempt

T = TypeVar("T")


class DurableFuture(asyncio.Future[T]):
    """The result of a command: of a call, a step, a sleep.

    It is an asyncio future, so ``asyncio.gather`` and ``asyncio.wait`` take it as it is. Only the journal settles it.

    Attributes:
        attempt: Whose command it is; only this attempt can await it.
        command: Ordinal of the command.
    """

    def __init__(self, attempt: "Attempt", command: int, restore: Callable[[bytes], T]) -> None:
        super().__init__(loop=attempt.loop)
        self.attempt = attempt
        self.command = command
        self.restore = restore

    def __await__(self) -> Generator[object, None, T]:
        self.attempt.check_awaits(self)
        return super().__await__()

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else "done" if self.done() else "pending"
        return f"<DurableFuture {self.attempt.describe(self.command)} {state}>"
