"""A caller of HTTP/1.1 that writes what the test says, byte by byte if need be."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and sentence."""
        return self.status, self.value["code"], self.value["message"]


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        """Writes bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def request(
        self, path: str, body: bytes = b"", headers: Mapping[str, str] = JSON, method: str = "POST"
    ) -> None:
        """Writes a request with its content-length."""
        await self.say(written(path, body, headers, method))

    async def ask(
        self, path: str, body: bytes = b"", headers: Mapping[str, str] = JSON, method: str = "POST"
    ) -> Answer:
        """Writes a request and reads the answer."""
        await self.request(path, body, headers, method)
        return await self.answer(has_body=method != "HEAD")

    async def answer(self, has_body: bool = True) -> Answer:
        """Reads an answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        status = int(first.split()[1])
        named = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in named}
        length = int(headers.get("content-length", 0)) if has_body else 0
        return Answer(status, headers, await self.reader.readexactly(length))

    async def is_closed(self) -> bool:
        """Waits for the other side to close; false if it has more to say."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


def written(path: str, body: bytes = b"", headers: Mapping[str, str] = JSON, method: str = "POST") -> bytes:
    """A request, as bytes."""
    block = {"host": "localhost", "content-length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in block.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Caller]:
    """A connection, closed afterwards."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


async def ask(
    port: int, path: str, body: bytes = b"", headers: Mapping[str, str] = JSON, method: str = "POST"
) -> Answer:
    """One request on a connection of its own."""
    async with connected(port) as caller:
        return await caller.ask(path, body, headers, method)
