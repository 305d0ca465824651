"""What waits to be written to a peer that may be slow to take it."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

MIB = 1024 * 1024
# A message carries about so much; what is larger travels alone.
MESSAGE_BYTES = MIB
# Beyond so much nothing is added that can be avoided.
MOST_BYTES = 16 * MIB


class Sized(Protocol):
    """A part of a message, which knows how large it is."""

    def ByteSize(self) -> int: ...  # as protobuf names it


T = TypeVar("T", bound=Sized)


class Outbox(Generic[T]):
    """A queue that is taken in batches: all that has come meanwhile, up to the size of a message."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._emptied = asyncio.Event()
        self._emptied.set()

    @property
    def is_full(self) -> bool:
        """Whether too much waits."""
        return self._bytes > MOST_BYTES

    def put(self, part: T) -> None:
        """Queues a part of a message."""
        size = part.ByteSize()
        self._waiting.append((part, size))
        self._bytes += size
        self._emptied.clear()
        self._filled.set()
        if self.is_full:
            self._has_room.clear()

    async def room(self) -> None:
        """Waits while too much is queued."""
        await self._has_room.wait()

    async def emptied(self) -> None:
        """Waits until all that was put has been taken, and whoever took it has come back for more."""
        await self._emptied.wait()

    async def take(self) -> list[T]:
        """Waits for something, and gives what goes into the next message."""
        if not self._waiting:
            self._emptied.set()
            self._filled.clear()
            await self._filled.wait()
        part, taken = self._waiting.popleft()
        batch = [part]
        while self._waiting and taken + self._waiting[0][1] <= MESSAGE_BYTES:
            part, size = self._waiting.popleft()
            batch.append(part)
            taken += size
        self._bytes -= taken
        if not self.is_full:
            self._has_room.set()
        return batch
