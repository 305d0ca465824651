"""The network between two nodes, to be cut, and to fall silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cable:
    """Passes bytes both ways. While it is ``silent`` it takes none, and loses nothing: as a machine that hangs."""

    def __init__(self, port: int) -> None:
        self._far_port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.opened = 0
        self.port = 0

    def fall_silent(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._flowing.clear()

    def cut(self) -> None:
        """Resets what is connected; new connections pass."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def accept(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        """Connects whoever comes with the far side."""
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._far_port)
        self.opened += 1
        self._writers += (near, far)
        for reader, writer in ((near_reader, far), (far_reader, near)):
            pump = asyncio.create_task(self._pump(reader, writer))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def end(self) -> None:
        """Cuts all."""
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


@asynccontextmanager
async def cable_to(port: int) -> AsyncIterator[Cable]:
    """A cable that is plugged in."""
    cable = Cable(port)
    server = await asyncio.start_server(cable.accept, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        server.close()
        await cable.end()
