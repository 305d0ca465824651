"""Connections without sockets: a stranger comes, says something, and goes."""

import asyncio
import socket
from collections.abc import Callable, Iterable

from perdure_runtime.ingress.connection import Connection

from fuzz.ground import Ground


class Pipe(asyncio.Transport):
    """Both ends of a socket without a system between them."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = bytearray()
        self.closed = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keeps what is written before the end."""
        if not self.closed:
            self.written += data

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Keeps it all."""
        for data in list_of_data:
            self.write(data)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def is_reading(self) -> bool:
        """Whether it wants to read."""
        return self.reading and not self.closed

    def close(self) -> None:
        """Writes nothing more."""
        self.closed = True

    def abort(self) -> None:
        """Writes nothing more."""
        self.closed = True

    def can_write_eof(self) -> bool:
        """It can end one direction alone."""
        return True

    def write_eof(self) -> None:
        """Writes nothing more, and reads on."""

    def pause_reading(self) -> None:
        """Wants to read nothing for now."""
        self.reading = False

    def resume_reading(self) -> None:
        """Wants to read again."""
        self.reading = True

    def get_write_buffer_size(self) -> int:
        """All is written at once."""
        return 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        """There is no socket behind it."""
        if name == "socket":
            return _SOCKET
        return super().get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol reads from now on."""


_SOCKET = socket.socket()


def visit(ground: Ground, connect: Callable[[], Connection], pieces: Iterable[bytes]) -> bytes:
    """Says these pieces on a connection of its own, then goes; returns what was answered. Raises Found."""
    pipe = Pipe()
    ground.run(_visit(connect, pieces, pipe))
    ground.check()
    return bytes(pipe.written)


async def _visit(connect: Callable[[], Connection], pieces: Iterable[bytes], pipe: Pipe) -> None:
    connection = connect()
    connection.connection_made(pipe)
    for piece in pieces:
        if pipe.closed:
            break
        connection.data_received(piece)
        await _turns()
    if not pipe.closed:
        connection.eof_received()
    await _turns()
    connection.connection_lost(None)


async def _turns() -> None:
    for _ in range(6):
        await asyncio.sleep(0)
