"""A link that can be cut: every connection between two processes of a run goes through one.

A cut link loses nothing and says nothing, as a network that drops packets does: both ends believe in their connection,
and what they send waits. Once healed it arrives late, or the connections are reset.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 1 << 16


class Link:
    """Passes bytes on to a loopback port, while it is not cut."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._whole = asyncio.Event()
        self._whole.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()
        self._whole.set()

    def cut(self) -> None:
        """From now on nothing arrives, in either direction."""
        self._whole.clear()

    def heal(self) -> None:
        """What was sent meanwhile arrives now."""
        self._whole.set()

    def reset(self) -> None:
        """Breaks all connections."""
        for end in self._ends:
            # Without this the other side could take it for an orderly end.
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            await self._whole.wait()
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            except OSError:
                writer.transport.abort()  # Nobody listens there: the caller is told as it would be without us.
                return
            self._ends.add(far_writer)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, far_writer))
                    pumps.create_task(self._pump(far_reader, writer))
            finally:
                self._ends.discard(far_writer)
                far_writer.transport.abort()
        finally:
            self._ends.discard(writer)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
            # One end has said all: what it hears still passes.
            await self._whole.wait()
            if writer.can_write_eof():
                writer.write_eof()
            return
        writer.transport.abort()
