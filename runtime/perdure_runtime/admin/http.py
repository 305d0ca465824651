"""The admin port over HTTP/1.1: the rpcs as JSON, their description, and what is mounted beside them."""

import asyncio
from collections.abc import Mapping, Sequence

from google.protobuf import json_format
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import Receive, Scope, Send

from perdure_runtime.admin.grpc import unknown_rpc
from perdure_runtime.admin.openapi import document
from perdure_runtime.admin.rpc import SERVICE, Rpc
from perdure_runtime.ingress.grpc import read_request
from perdure_runtime.ingress.http.exchange import Exchange, Gone, NotAllowed
from perdure_runtime.ingress.http.payload import LARGE, Form, form_of, read_json
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal, unexpected

READS = ("GET", "HEAD")


def http_app(rpcs: Mapping[str, Rpc], limits: Limits, buffered: Buffered, mounts: Sequence[BaseRoute]) -> Starlette:
    """All that answers on the port; ``mounts`` are looked at first."""
    return Starlette(routes=[*mounts, Mount("/", app=JsonApi(rpcs, limits, buffered, has_ui=_has_ui(mounts)))])


class JsonApi:
    """The rpcs by POST, and at ``/openapi.json`` what they are."""

    def __init__(self, rpcs: Mapping[str, Rpc], limits: Limits, buffered: Buffered, *, has_ui: bool) -> None:
        self._rpcs = rpcs
        self._limits = limits
        self._buffered = buffered
        self._home = b"/ui/" if has_ui else b"/openapi.json"
        self._document = document(rpcs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = Exchange(scope, receive, send, self._limits, self._buffered)
        try:
            await self._respond(exchange)
        except (Gone, asyncio.CancelledError):
            # Nobody reads the answer. What was begun goes on.
            return

    async def _respond(self, exchange: Exchange) -> None:
        try:
            await self._answer(exchange)
        except NotAllowed as refusal:
            await exchange.refuse(refusal, headers=refusal.headers)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Gone:
            raise
        except Exception:
            await exchange.refuse(unexpected(exchange.path))

    async def _answer(self, exchange: Exchange) -> None:
        match exchange.path:
            case "/":
                exchange.allow(*READS)
                await exchange.answer(307, b"", b"text/plain", ((b"location", self._home),))
            case "/openapi.json":
                exchange.allow(*READS)
                await exchange.answer(200, self._document)
            case "/health":
                exchange.allow(*READS)
                await exchange.answer_json(200, {"status": "SERVING"})
            case path:
                await self._ask(exchange, path)

    async def _ask(self, exchange: Exchange, path: str) -> None:
        service, _, name = path.removeprefix("/").partition("/")
        rpc = self._rpcs.get(name) if service == SERVICE.full_name else None
        if rpc is None:
            raise unknown_rpc(self._rpcs, path, http_status=404)
        exchange.allow("POST")
        form = form_of(exchange.header(b"content-type"))
        body = await exchange.body()
        if form is Form.PROTO:
            answer = await rpc.answer(read_request(rpc.request, body))
            await exchange.answer(200, answer.SerializeToString(), form.value)
        else:
            request, _ = await read_json(rpc.request, Default(), body)
            await exchange.answer(200, await _json(await rpc.answer(request)))


async def _json(message: Message) -> bytes:
    if message.ByteSize() > LARGE:
        return await asyncio.to_thread(_to_json, message)
    return _to_json(message)


def _to_json(message: Message) -> bytes:
    return json_format.MessageToJson(
        message, indent=None, ensure_ascii=False, preserving_proto_field_name=True
    ).encode()


def _has_ui(mounts: Sequence[BaseRoute]) -> bool:
    return any(isinstance(mount, Mount) and mount.path == "/ui" for mount in mounts)
