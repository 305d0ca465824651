"""What a client sends beside the request: how the call is to be made, and the headers of its caller."""

import re

from perdure.calls import Call, T
from perdure.errors import UsageError
from perdure.failures import milliseconds
from perdure.tracing import with_current

INVOCATION_ID = "perdure-invocation-id"
# The runtime sends it with the terminal error that an invocation has ended with, and with no error of its own.
OUTCOME = "perdure-outcome"

# HTTP/2 and gRPC say these themselves.
RESERVED = frozenset(
    {
        *("connection", "content-length", "content-type", "host", "keep-alive", "te", "transfer-encoding", "upgrade"),
        *("idempotency-key", "user-agent"),
    }
)
RESERVED_PREFIXES = ("grpc-", "perdure-")
NAME = re.compile(r"[0-9a-z_.\-]+")
TEXT = re.compile(r"[ -~]+")


def metadata_of(call: Call[T], *, one_way: bool) -> list[tuple[str, str]]:
    """The metadata of a call.

    Raises:
        UsageError: A header or the idempotency key cannot be sent; the message says why.
    """
    headers = with_current(call.headers)
    metadata = [_header(call, name, value) for name, value in headers.items()] if headers else []
    if call.idempotency_key:
        if not TEXT.fullmatch(call.idempotency_key):
            raise UsageError(
                f"{call.service}/{call.handler}: the idempotency key {call.idempotency_key!r} cannot travel as a "
                "header: use printable ASCII"
            )
        metadata.append(("idempotency-key", call.idempotency_key))
    if one_way:
        metadata.append(("perdure-mode", "send"))
        if call.delay:
            metadata.append(("perdure-delay", f"{milliseconds(call.delay)}ms"))
    if call.must_be_new:
        metadata.append(("perdure-must-be-new", "true"))
    return metadata


def _header(call: Call[T], name: str, value: str) -> tuple[str, str]:
    lower = name.lower()
    if lower in RESERVED or lower.startswith(RESERVED_PREFIXES):
        raise UsageError(f"{call.service}/{call.handler}: the header {name!r} is perdure's own; use another name")
    if not NAME.fullmatch(lower) or lower.endswith("-bin"):
        raise UsageError(
            f"{call.service}/{call.handler}: {name!r} is no name of a header: use letters, digits, '-', '_' and '.', "
            "and no '-bin' at the end"
        )
    if not TEXT.fullmatch(value):
        raise UsageError(
            f"{call.service}/{call.handler}: the value {value!r} of the header {name!r} cannot travel: "
            "use printable ASCII, and not the empty string"
        )
    return lower, value
