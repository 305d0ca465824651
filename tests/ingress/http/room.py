"""An ingress on loopback, the node behind it in memory, and the callers that people have."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.server import Ingress

from tests.ingress.http import shop
from tests.ingress.http.invocations import MemoryInvocations, value

HOST = "127.0.0.1"
# Nothing here takes long: a test that waits for this long has failed.
PATIENCE_S = 20
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What a caller got; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Room:
    """The ingress, its node, and ways to call it."""

    ingress: Ingress
    node: MemoryInvocations

    @property
    def address(self) -> str:
        """Where callers find it."""
        return f"http://{HOST}:{self.ingress.port}"

    async def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""

        def exchange() -> Answer:
            client = http.client.HTTPConnection(HOST, self.ingress.port, timeout=PATIENCE_S)
            try:
                client.request(method, path, body, dict(headers or {}))
                response = client.getresponse()
                named = {name.lower(): text for name, text in response.getheaders()}
                return Answer(response.status, named, response.read())
            finally:
                client.close()

        return await asyncio.to_thread(exchange)

    async def post(self, path: str, body: object, **headers: str) -> Answer:
        """Posts JSON; underscores in names of headers are written as dashes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.ask("POST", path, data, {**JSON, **named})

    async def curl(self, path: str, *options: str) -> Answer:
        """Asks with curl."""
        command = ["curl", "--silent", "--max-time", str(PATIENCE_S), "--dump-header", "/dev/stderr", *options]
        ran = await asyncio.create_subprocess_exec(
            *command, self.address + path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        body, heads = await ran.communicate()
        lines = heads.decode().strip().split("\r\n\r\n")[-1].split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in lines[1:])
        return Answer(int(lines[0].split()[1]), named, body)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Line"]:
        """A bare connection."""
        reader, writer = await asyncio.open_connection(HOST, self.ingress.port)
        try:
            yield Line(reader, writer)
        finally:
            writer.transport.abort()


@dataclass(frozen=True)
class Line:
    """A connection on which a test writes bytes as it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, data: bytes) -> None:
        """Sends bytes."""
        self.writer.write(data)

    async def hear(self) -> Answer:
        """The next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(named.get("content-length", "0")))
        return Answer(int(head[0].split()[1]), named, body)

    async def ended(self) -> bool:
        """Waits until the other side has closed; false if it says something instead."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


def request(body: bytes, path: str = shop.PROCESS, *headers: str) -> bytes:
    """A request as it is written."""
    lines = [f"POST {path} HTTP/1.1", "host: shop", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def play(story: Callable[[Room], Awaitable[None]], limits: Limits | None = None, grace_s: float = 0) -> None:
    """Plays a story on a loop of its own. Invocations of Process end with a receipt of their number."""

    async def told() -> None:
        node = MemoryInvocations(shop.contracts())
        node.rule = lambda submission: value(shop.receipt(f"o-{len(node.submitted)}"))
        ingress = Ingress(node, HOST, 0, limits)
        await ingress.start()
        try:
            async with asyncio.timeout(2 * PATIENCE_S):
                await story(Room(ingress, node))
        finally:
            await ingress.close(grace_s)

    asyncio.run(told())
