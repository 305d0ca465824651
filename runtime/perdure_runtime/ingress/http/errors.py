"""Errors as Connect's unary protocol writes them: JSON with a code, a sentence and details, and a status of HTTP."""

import json
from base64 import b64encode
from http import HTTPStatus
from typing import Any

from google.protobuf import any_pb2, json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

CODES: dict[Status, tuple[str, int]] = {
    Status.CANCELLED: ("canceled", 499),
    Status.UNKNOWN: ("unknown", 500),
    Status.INVALID_ARGUMENT: ("invalid_argument", 400),
    Status.DEADLINE_EXCEEDED: ("deadline_exceeded", 504),
    Status.NOT_FOUND: ("not_found", 404),
    Status.ALREADY_EXISTS: ("already_exists", 409),
    Status.PERMISSION_DENIED: ("permission_denied", 403),
    Status.RESOURCE_EXHAUSTED: ("resource_exhausted", 429),
    Status.FAILED_PRECONDITION: ("failed_precondition", 400),
    Status.ABORTED: ("aborted", 409),
    Status.OUT_OF_RANGE: ("out_of_range", 400),
    Status.UNIMPLEMENTED: ("unimplemented", 501),
    Status.INTERNAL: ("internal", 500),
    Status.UNAVAILABLE: ("unavailable", 503),
    Status.DATA_LOSS: ("data_loss", 500),
    Status.UNAUTHENTICATED: ("unauthenticated", 401),
}


def status_of(refusal: Refusal) -> int:
    """The status of HTTP that a refusal is answered with."""
    return refusal.http_status or CODES[refusal.code][1]


def error_json(refusal: Refusal, pool: DescriptorPool | None = None) -> bytes:
    """The body of an answer that is an error; ``pool`` knows the types of details, so that people can read them."""
    error: dict[str, Any] = {"code": CODES[refusal.code][0], "message": refusal.message}
    if refusal.details:
        error["details"] = [_detail(detail, pool) for detail in refusal.details]
    return json.dumps(error, ensure_ascii=False).encode("utf-8", "replace")


def raw_answer(refusal: Refusal) -> bytes:
    """A whole answer of HTTP/1.1, for bytes that never became a request."""
    status = status_of(refusal)
    body = error_json(refusal)
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


def _detail(serialised: bytes, pool: DescriptorPool | None) -> dict[str, Any]:
    try:
        packed = any_pb2.Any.FromString(serialised)
    except DecodeError:
        # Handlers of other languages may send what they like; their error is told all the same.
        return {"type": "", "value": b64encode(serialised).rstrip(b"=").decode()}
    name = packed.type_url.rpartition("/")[2]
    detail: dict[str, Any] = {"type": name, "value": b64encode(packed.value).rstrip(b"=").decode()}
    try:
        if pool is not None:
            message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name)).FromString(packed.value)
            detail["debug"] = json_format.MessageToDict(message, descriptor_pool=pool)
    except (KeyError, DecodeError, json_format.Error, TypeError):
        # A type that this contract does not know: the value is there for those who do.
        return detail
    return detail
