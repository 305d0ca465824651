"""One request and its answer, over ASGI."""

import json
import re
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from google.protobuf.descriptor_pool import DescriptorPool
from grpclib.const import Status

from perdure_runtime.ingress.compression import crowded, gunzip, too_large
from perdure_runtime.ingress.http.errors import error_json, status_of
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import INVOCATION_ID
from perdure_runtime.security.peer import Peer

JSON = b"application/json"
# Where a connection puts its other end into the state of an ASGI scope.
PEER = "perdure.peer"
# How a client is told to say who it is.
CHALLENGE = (b"www-authenticate", b"Bearer")
# Connect's: milliseconds, at most ten digits.
TIMEOUT = re.compile(rb"\d{1,10}")
# What is written ahead of a caller that reads slowly.
PIECE = 256 * 1024


class Receive(Protocol):
    """ASGI's receive."""

    def __call__(self) -> Awaitable[Any]: ...


class Send(Protocol):
    """ASGI's send."""

    def __call__(self, event: Any, /) -> Awaitable[None]: ...


class Application(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Any, receive: Receive, send: Send, /) -> None: ...


class Gone(Exception):
    """The caller has gone before its request came in full."""


class NotAllowed(Refusal):
    """A path that exists, asked for with another method than it takes."""

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(Status.UNIMPLEMENTED, message, http_status=405)
        self.headers = ((b"allow", ", ".join(allowed).encode()),)


class Exchange:
    """Reads one request within limits, and answers it once.

    Attributes:
        path: With its percent-escapes read; ``raw_path`` has them as they came.
        status: Of the answer, once there is one.
        query: What stands after the question mark, as it came.
        headers: Lower-case names and values, as they came.
        peer: The other end of the connection.
    """

    __slots__ = (
        *("_asked", "_buffered", "_limits", "_named", "_receive", "_send"),
        *("headers", "method", "path", "query", "peer", "raw_path", "status"),
    )

    def __init__(self, scope: Any, receive: Receive, send: Send, limits: Limits, buffered: Buffered) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        self.peer: Peer = scope.get("state", {}).get(PEER, Peer())
        self._named = dict(self.headers)
        self._asked = False
        self.status = 0
        self._receive = receive
        self._send = send
        self._limits = limits
        self._buffered = buffered

    def header(self, name: bytes) -> bytes | None:
        """The value of a header."""
        return self._named.get(name)

    def allow(self, *methods: str) -> None:
        """Raises NotAllowed for other methods than these."""
        if self.method not in methods:
            raise NotAllowed(f"{self.path[:300]} takes {' or '.join(methods)}, not {self.method}", methods)

    def timeout_s(self) -> float | None:
        """How long the caller waits, where it says so. Raises Refusal."""
        value = self.header(b"connect-timeout-ms")
        if value is None:
            return None
        if TIMEOUT.fullmatch(value) is None:
            shown = value[:50].decode("latin-1")
            raise Refusal(
                Status.INVALID_ARGUMENT, f"connect-timeout-ms is {shown!r}; write whole milliseconds, such as 500"
            )
        return int(value) / 1000

    async def body(self) -> bytes:
        """The whole body, decompressed. Raises Refusal, Gone."""
        gzip = self._gzip()
        length = self.header(b"content-length")
        # Refused before it is sent, where its sender waits for our consent.
        if length is not None and length.isdigit() and int(length) > self._limits.message_bytes:
            raise too_large(self._limits.message_bytes)
        self._asked = True
        event = await self._receive()
        data: bytes = event.get("body", b"")
        if event["type"] != "http.request":
            raise Gone
        if event.get("more_body", False):
            data = await self._rest(data)
        elif len(data) > self._limits.message_bytes:
            raise too_large(self._limits.message_bytes)
        return gunzip(data, self._limits.message_bytes) if gzip else data

    async def answer(
        self,
        status: int,
        body: bytes,
        content_type: bytes = JSON,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Sends an answer."""
        block = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers]
        if not self._asked and self.header(b"expect") is not None:
            # Whether its body still comes is up to the caller, so nobody knows where its next request would begin.
            block.append((b"connection", b"close"))
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": block})
        start = 0
        while len(body) - start > PIECE and self.method != "HEAD":
            piece = body[start : start + PIECE]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            start += PIECE
        await self._send({"type": "http.response.body", "body": body[start:] if start else body})

    async def answer_json(self, status: int, value: object, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Sends a value as JSON."""
        await self.answer(status, json.dumps(value).encode(), headers=headers)

    async def refuse(
        self, refusal: Refusal, pool: DescriptorPool | None = None, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        """Sends an error."""
        named = [(INVOCATION_ID, refusal.invocation_id.encode())] if refusal.invocation_id else []
        if refusal.code is Status.UNAUTHENTICATED:
            named.append(CHALLENGE)
        await self.answer(status_of(refusal), error_json(refusal, pool), headers=[*named, *headers])

    def _gzip(self) -> bool:
        encoding = self.header(b"content-encoding")
        if encoding is None or encoding.lower() == b"identity":
            return False
        if encoding.lower() == b"gzip":
            return True
        shown = encoding[:50].decode("latin-1")
        raise Refusal(
            Status.UNIMPLEMENTED, f"bodies in {shown} are not understood here; use gzip or none", http_status=415
        )

    async def _rest(self, first: bytes) -> bytes:
        """What comes in several pieces, counted against what all requests may take."""
        data = bytearray(first)
        taken = 0
        try:
            more = True
            while more:
                if len(data) > self._limits.message_bytes:
                    raise too_large(self._limits.message_bytes)
                if not self._buffered.take(len(data) - taken):
                    raise crowded()
                taken = len(data)
                event = await self._receive()
                if event["type"] != "http.request":
                    raise Gone
                data += event.get("body", b"")
                more = event.get("more_body", False)
        finally:
            self._buffered.give_back(taken)
        if len(data) > self._limits.message_bytes:
            raise too_large(self._limits.message_bytes)
        return bytes(data)
