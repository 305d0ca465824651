"""Header blocks that the server sends, and the parts of a request's that it reads."""

import re
from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote

from google.rpc import status_pb2
from grpclib.const import Status

from perdure_runtime.ingress.grpc.method import Header
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import INVOCATION_ID

INITIAL: list[Header] = [(b":status", b"200"), (b"content-type", b"application/grpc+proto")]
OK: list[Header] = [(b"grpc-status", b"0")]
# An invocation may end with any code: this tells its terminal error from an error of the runtime.
OUTCOME: Header = (b"perdure-outcome", b"terminal-error")
ACCEPT_ENCODING: Header = (b"grpc-accept-encoding", b"identity,gzip")

# Usual clients refuse header blocks over 8 KiB: what the message and the details of an error may take of that.
MOST_MESSAGE_BYTES = 3_072
MOST_DETAILS_BYTES = 4_608
LEFT_OUT = " (the details of this error are left out: they are too large for gRPC metadata)"

_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_UNITS_S = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def trailers(refusal: Refusal) -> list[Header]:
    """How a call that failed ends."""
    message = _fitting(refusal.message)
    details = _details(refusal, message)
    if refusal.details and not details:
        message += LEFT_OUT
    return [
        (b"grpc-status", b"%d" % refusal.code.value),
        (b"grpc-message", quote(message, safe=_PLAIN).encode()),
        *([OUTCOME] if refusal.ended else []),
        *details,
    ]


def refused(refusal: Refusal) -> tuple[list[Header], ...]:
    """The header blocks of an answer that is nothing but an error."""
    metadata = invocation(refusal.invocation_id)
    if metadata:
        # In a block before the trailers, where callers find it for results too.
        return with_metadata(metadata), trailers(refusal)
    return ([*INITIAL, ACCEPT_ENCODING, *trailers(refusal)],)


def not_grpc(method: bytes | None, content_type: bytes | None) -> list[Header] | None:
    """How a request is answered that is no gRPC call; None for one that is."""
    if method != b"POST":
        return [(b":status", b"405"), (b"allow", b"POST")]
    if not _is_grpc(content_type):
        sentence = b"over HTTP/2 this port speaks gRPC, with content-type application/grpc; for JSON use HTTP/1.1"
        return [(b":status", b"415"), (b"grpc-status", b"%d" % Status.UNKNOWN.value), (b"grpc-message", sentence)]
    return None


def invocation(invocation_id: str) -> list[Header]:
    """The metadata that names an invocation."""
    return [(INVOCATION_ID, invocation_id.encode())] if invocation_id else []


def read_timeout_s(value: bytes | None) -> float | None:
    """``grpc-timeout`` in seconds. Raises Refusal."""
    if value is None:
        return None
    form = _TIMEOUT.fullmatch(value)
    if form is None:
        raise Refusal(Status.INVALID_ARGUMENT, f"grpc-timeout is {value[:50]!r}; write digits and a unit, such as 500m")
    return int(form[1]) * _UNITS_S[form[2]]


def read_encoding(value: bytes | None) -> bool:
    """Whether messages may be gzip, by ``grpc-encoding``. Raises Refusal."""
    if value is None or value == b"identity":
        return False
    if value == b"gzip":
        return True
    shown = value[:50].decode("latin-1")
    raise Refusal(Status.UNIMPLEMENTED, f"messages in {shown} are not understood here; use gzip or no compression")


def with_metadata(metadata: Sequence[Header]) -> list[Header]:
    """The first header block of an answer."""
    return [*INITIAL, *metadata]


def _is_grpc(content_type: bytes | None) -> bool:
    return content_type is not None and content_type.partition(b";")[0].strip() in (
        b"application/grpc",
        b"application/grpc+proto",
    )


def _details(refusal: Refusal, message: str) -> list[Header]:
    """The details of an error, where it has some and they fit."""
    if not refusal.details:
        return []
    status = status_pb2.Status(code=refusal.code.value, message=message)
    for detail in refusal.details:
        status.details.add().MergeFromString(detail)
    serialised = b64encode(status.SerializeToString()).rstrip(b"=")
    return [(b"grpc-status-details-bin", serialised)] if len(serialised) <= MOST_DETAILS_BYTES else []


def _fitting(message: str) -> str:
    """As much of a message as fits when it is percent-encoded."""
    message = message[:MOST_MESSAGE_BYTES]
    while len(quote(message, safe=_PLAIN)) > MOST_MESSAGE_BYTES:
        message = message[: len(message) * 3 // 4]
    return message
