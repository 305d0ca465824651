"""What a handler awaits: a result that stands in the journal, or will."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure.vm.describe import describe

T = TypeVar("T")


class Owner(Protocol):
    """The attempt whose commands futures stand for."""

    loop: asyncio.AbstractEventLoop

    def check_awaits(self, future: "DurableFuture[Any]") -> None:
        """Whether the running code may await a result of this attempt. Raises UsageError."""


class DurableFuture(asyncio.Future[T]):
    """The result of a command: of a call, a step, a sleep.

    It is an asyncio future, so ``asyncio.gather`` and ``asyncio.wait`` take it as it is. Only the journal settles it.

    Attributes:
        attempt: Whose command it is; only this attempt can await it.
        entry: The command.
        command: Its ordinal.
        restore: Makes the result of the bytes in the journal.
    """

    def __init__(self, attempt: Owner, entry: Entry, command: int, restore: Callable[[bytes], T]) -> None:
        super().__init__(loop=attempt.loop)
        self.attempt = attempt
        self.entry = entry
        self.command = command
        self.restore = restore

    def __await__(self) -> Generator[object, None, T]:
        self.attempt.check_awaits(self)
        return super().__await__()

    # ``yield from`` and asyncio use the one, ``await`` the other.
    __iter__ = __await__

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else "done" if self.done() else "pending"
        return f"<DurableFuture {self.command}: {describe(self.entry)}, {state}>"
