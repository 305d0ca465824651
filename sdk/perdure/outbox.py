"""Frames on their way to a node that may be slow to take them."""

import asyncio
from collections import deque
from collections.abc import Sequence

from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame

MIB = 1024 * 1024
# A message carries about so much; a single frame may be larger.
MESSAGE_BYTES = 4 * MIB
# Once so much waits, nothing more is read from the node: it starts no more attempts here until it has read itself.
MOST_WAITING_BYTES = 16 * MIB


class Outbox:
    """A queue of frames, taken in batches, that says when its reader has fallen behind."""

    def __init__(self) -> None:
        self._frames: deque[tuple[EndpointFrame, int]] = deque()
        self._bytes = 0
        self._closed = False
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, frames: Sequence[EndpointFrame]) -> None:
        """Queues frames; after close() they are dropped."""
        if self._closed:
            return
        for frame in frames:
            size = frame.ByteSize()
            self._frames.append((frame, size))
            self._bytes += size
        self._filled.set()
        if self._bytes > MOST_WAITING_BYTES:
            self._has_room.clear()

    async def room(self) -> None:
        """Waits while too much is queued."""
        await self._has_room.wait()

    async def take(self) -> list[EndpointFrame]:
        """Waits for frames and gives those of the next message: none once the outbox is closed and empty."""
        if not self._frames and not self._closed:
            self._filled.clear()
            await self._filled.wait()
        batch: list[EndpointFrame] = []
        taken = 0
        while self._frames and (not batch or taken + self._frames[0][1] <= MESSAGE_BYTES):
            frame, size = self._frames.popleft()
            batch.append(frame)
            taken += size
        self._bytes -= taken
        if self._bytes <= MOST_WAITING_BYTES:
            self._has_room.set()
        return batch

    def close(self) -> None:
        """Takes no more frames."""
        self._closed = True
        self._filled.set()
