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

# Larger header blocks than this are refused by usual clients.
MOST_STATUS_BYTES = 4_096

_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_UNITS_S = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def trailers(refusal: Refusal) -> list[Header]:
    """How a call that failed ends."""
    message = refusal.message.encode()[:MOST_STATUS_BYTES].decode(errors="ignore")
    block = [
        (b"grpc-status", b"%d" % refusal.code.value),
        (b"grpc-message", quote(message, safe=_PLAIN).encode()),
    ]
    if refusal.ended:
        block.append(OUTCOME)
    if refusal.details:
        status = status_pb2.Status(code=refusal.code.value, message=message)
        for detail in refusal.details:
            status.details.add().MergeFromString(detail)
        serialised = b64encode(status.SerializeToString()).rstrip(b"=")
        if len(serialised) <= 2 * MOST_STATUS_BYTES:
            block.append((b"grpc-status-details-bin", serialised))
    return block


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


def is_grpc(content_type: bytes | None) -> bool:
    """Whether a content type is one that this server reads."""
    return content_type is not None and content_type.partition(b";")[0].strip() in (
        b"application/grpc",
        b"application/grpc+proto",
    )


def with_metadata(metadata: Sequence[Header]) -> list[Header]:
    """The first header block of an answer."""
    return [*INITIAL, *metadata]
