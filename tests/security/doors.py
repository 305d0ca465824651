"""Ways through a port: a request of HTTP/1.1, and a call of gRPC, each with the credentials of its test."""

import asyncio
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

HOST = "127.0.0.1"
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What was answered; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


async def ask(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes = b"{}",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request on a connection of its own."""

    def exchange() -> Answer:
        if tls is None:
            connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)
        else:
            connection = http.client.HTTPSConnection(HOST, port, timeout=PATIENCE_S, context=tls)
        try:
            connection.request(method, path, body, {"content-type": "application/json", **headers})
            response = connection.getresponse()
            named = {name.lower(): text for name, text in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    return await asyncio.to_thread(exchange)


async def call(channel: grpc.aio.Channel, path: str, headers: Mapping[str, str], message: bytes = b"") -> str:
    """One call, with one message: the code that it ends with, OK once it is answered."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path)
    asked = method(message, metadata=tuple(headers.items()), timeout=PATIENCE_S)
    try:
        first = await asked.read()
        code = await asked.code() if first is grpc.aio.EOF else grpc.StatusCode.OK
    except grpc.aio.AioRpcError as error:
        code = error.code()
    asked.cancel()
    return str(code.name)
