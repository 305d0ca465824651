"""The ingress: bytes of HTTP/1.1, bytes and frames of HTTP/2, calls that are nearly right."""

import json
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.grpc import GrpcConnection, router_for
from perdure_runtime.ingress.http.app import App
from perdure_runtime.ingress.http.connection import HttpConnection, http_config
from perdure_runtime.ingress.limits import Buffered, Limits
from uvicorn.server import ServerState

from fuzz.dice import Dice
from fuzz.ground import Found, Ground
from fuzz.pipe import visit
from tests.ingress.desk_room import FakeInvocations, shop

METHODS = ("POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PRI", "post")
TYPES = ("application/json", "application/proto", "application/connect+json", "text/plain", "application/grpc", "")
HEADERS = (
    *("idempotency-key", "content-type", "content-length", "connect-timeout-ms", "content-encoding", "accept-encoding"),
    *("perdure-delay", "connect-protocol-version", "transfer-encoding", "expect", "host", "connection", "traceparent"),
)
VALUES = ("gzip", "identity", "chunked", "100-continue", "close", "1", "0", "1e9", "10s", "00-" + "1" * 32 + "-2-01")
PATHS = (
    *shop().handlers,
    *("/", "/invocations/inv_1", "/invocations/inv_1/attach", "/invocations/inv_1/output", "/invocations/inv_1/cancel"),
    *("/awakeables/awk_1/resolve", "/awakeables/awk_1/reject", "/workflows/shop.v1.Signup/a/attach", "/openapi.json"),
    *("/perdure.ingress.v1.Invocations/Attach", "/grpc.health.v1.Health/Check"),
    *("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "//", "/%2e%2e/x", "/shop.v1.Orders/Nothing"),
)


LIMITS = Limits()


def _connect(speaks_http2: bool) -> Connection:
    """A connection to the ingress of a node of its own: what was accepted before is its memory, not a leak."""
    desk, buffered = Desk(FakeInvocations()), Buffered(LIMITS.buffered_bytes)
    if speaks_http2:
        return GrpcConnection(router_for(desk), LIMITS, buffered, lambda connection: None)
    return HttpConnection(http_config(App(desk, LIMITS, buffered)), ServerState(), LIMITS, lambda connection: None)


def http(ground: Ground) -> Callable[[bytes], None]:
    """Requests of HTTP/1.1: as bytes, or put together from parts that mean something."""

    def one(data: bytes) -> None:
        dice = Dice(data)
        pieces = [dice.raw(400)] if dice.yes(4) else [_request(dice) for _ in range(1 + dice.below(3))]
        told = visit(ground, lambda: _connect(False), pieces)
        if b"HTTP/1.1 500" in told:
            raise Found(f"an answer of 500: {told[:500]!r}")

    return one


def grpc(ground: Ground) -> Callable[[bytes], None]:
    """Frames of HTTP/2: as bytes after the preface, or calls that are nearly right."""

    def one(data: bytes) -> None:
        dice = Dice(data)
        peer = H2Connection(H2Configuration(client_side=True, header_encoding=None, validate_outbound_headers=False))
        peer.initiate_connection()
        pieces = [peer.data_to_send()]
        for stream_id in range(1, 2 + 2 * dice.below(4), 2):
            pieces += _call(dice, peer, stream_id)
        if dice.yes(3):
            pieces.append(dice.raw(200))
        told = visit(ground, lambda: _connect(True), pieces)
        if b"grpc-status13" in told:
            raise Found(f"an answer of INTERNAL: {told[:500]!r}")

    return one


def _request(dice: Dice) -> bytes:
    body = _body(dice)
    headers = [("host", "x"), ("content-type", dice.choice(TYPES)), ("content-length", str(len(body)))]
    headers += dice.many(4, lambda: (dice.choice(HEADERS), dice.choice(VALUES) if dice.yes() else dice.text()))
    if dice.yes(8):
        del headers[dice.below(3)]
    head = f"{dice.choice(METHODS)} {dice.choice(PATHS) if dice.yes() else dice.text()} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode(errors="replace") + b"\r\n" + body


def _body(dice: Dice) -> bytes:
    match dice.below(4):
        case 0:
            return json.dumps({"id": dice.text(), "items": dice.many(3, dice.text), "account": dice.text()}).encode()
        case 1:
            return dice.message(shop().handlers["/shop.v1.Orders/Process"].request).SerializeToString()
        case 2:
            return json.dumps({dice.text(): [None, True, dice.number(), {}]}).encode()
        case _:
            return dice.raw()


def _call(dice: Dice, peer: H2Connection, stream_id: int) -> list[bytes]:
    body = _body(dice)
    frame = (
        bytes([dice.below(3)]) + (len(body) if dice.yes(4) is False else dice.below(65_536)).to_bytes(4, "big") + body
    )
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", (dice.choice(PATHS) if not dice.yes(4) else dice.text()).encode(errors="replace")),
        (b":authority", b"x"),
        (b"te", b"trailers"),
        (b"content-type", dice.choice((b"application/grpc", b"application/grpc+proto", b"text/plain"))),
    ]
    headers += [
        (dice.choice(("grpc-timeout", "grpc-encoding", *HEADERS)).encode(), dice.text().encode(errors="replace"))
        for _ in range(dice.below(4))
    ]
    try:
        peer.send_headers(stream_id, headers, end_stream=dice.yes(8))
        said = [peer.data_to_send()]
        peer.send_data(stream_id, frame[:16_000], end_stream=dice.yes())
        if dice.yes(4):
            peer.reset_stream(stream_id, dice.below(16))
    except ProtocolError:
        # What h2 would not send is for the raw bytes.
        return [peer.data_to_send()]
    return [*said, peer.data_to_send()]
