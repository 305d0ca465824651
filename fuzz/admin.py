"""The admin API: every rpc with requests that are nearly right, and its JSON side with any bytes."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from perdure_protos.perdure.admin.v1.invocations_pb2 import BulkAction
from perdure_runtime.admin.gate import AdminGate, Gated
from perdure_runtime.admin.http import http_app
from perdure_runtime.admin.rpc import Rpc
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.http.connection import HttpConnection, http_config
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal
from uvicorn.server import ServerState

from fuzz.dice import Dice
from fuzz.ground import Found, Ground
from fuzz.pipe import visit
from tests.node.node_room import ORDER, SERVICES, SIGNUP, Room, settle

# These open connections to whatever address they are given: session.discovery has what comes back on them.
GOES_OUT = frozenset({"RegisterDeployment", "JoinDeployment", "VerifyDeployment"})
STATUSES = ("running", "paused", "ended", "succeeded", "failed", "queued", "none")
LIMITS = Limits()


def rpcs(ground: Ground) -> Callable[[bytes], None]:
    """A few rpcs in a row, asked of a node that has an invocation of each kind."""

    async def talk(dice: Dice) -> None:
        room = Room()
        await room.start()
        try:
            ids = [await room.node.router.submit(submission) for submission in (ORDER, SIGNUP)]
            await settle()
            service = AdminService(room.node.administration)
            for _ in range(1 + dice.below(4)):
                rpc, request = _request(dice, service.rpcs, ids)
                try:
                    answer = await rpc.answer(request)
                except Refusal as refusal:
                    if not refusal.message:
                        raise Found(f"{rpc.name} was refused without a word: {request}") from refusal
                else:
                    json_format.MessageToJson(answer)
        finally:
            await room.node.close()

    def one(data: bytes) -> None:
        ground.run(talk(Dice(data)))
        ground.check()

    return one


def http(ground: Ground) -> Callable[[bytes], None]:
    """The port by HTTP/1.1: any bytes in a body, at any path."""
    room = ground.run(_a_room())
    service = AdminService(room.node.administration)
    paths = (*(rpc.path for rpc in service.rpcs.values() if rpc.name not in GOES_OUT), "/", "/openapi.json", "/x")
    gate = AdminGate(None, public_metrics=False, insecure=False)

    def connect() -> Connection:
        buffered = Buffered(LIMITS.buffered_bytes)
        app = Gated(http_app(service.rpcs, LIMITS, buffered, ()), gate, LIMITS, buffered)
        return HttpConnection(http_config(app), ServerState(), LIMITS, lambda connection: None)

    def one(data: bytes) -> None:
        dice = Dice(data)
        body = _body(dice)
        head = (
            f"{'GET' if dice.yes(8) else 'POST'} {dice.choice(paths)} HTTP/1.1\r\nhost: {_host(dice)}\r\n"
            f"content-type: {dice.choice(('application/json', 'application/proto', 'text/plain'))}\r\n"
            f"origin: {_host(dice)}\r\ncookie: perdure_session={dice.raw(8).hex()}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        told = visit(ground, connect, [head.encode() + body])
        if b"HTTP/1.1 500" in told:
            raise Found(f"an answer of 500: {told[:500]!r}")

    return one


async def _a_room() -> Room:
    room = Room()
    await room.start()
    await room.submit()
    return room


def _request(dice: Dice, known: Mapping[str, Rpc], ids: list[str]) -> tuple[Rpc, Message]:
    rpc = dice.choice([rpc for rpc in known.values() if rpc.name not in GOES_OUT])
    # Its fields are known by name at run time alone.
    request: Any = dice.message(rpc.request)
    fields = request.DESCRIPTOR.fields_by_name
    # What asks for something that is there gets further.
    if "invocation_id" in fields and not dice.yes(4):
        request.invocation_id = dice.choice(ids)
    for field in ("service", "name"):
        if field in fields and not dice.yes(4):
            setattr(request, field, dice.choice(SERVICES))
    if "action" in fields:
        request.action = dice.below(len(BulkAction.values()))
    if "filter" in fields and dice.yes():
        request.filter.statuses.append(dice.choice(STATUSES))
    return rpc, request


def _body(dice: Dice) -> bytes:
    if dice.yes(4):
        return dice.raw()
    key, value = dice.text(), dice.choice(("{}", "[]", "null", "1e400", '"x"', '{"a": [{}]}', '"\\ud800"'))
    name = dice.choice(("invocation_id", "filter", "service", "page_size", "values", "settings", "sql", key))
    return f'{{"{name}": {value}}}'.encode(errors="replace")


def _host(dice: Dice) -> str:
    return dice.choice(("localhost:8081", "127.0.0.1", "[::1]:8081", "evil.example", "null", "http://localhost"))
