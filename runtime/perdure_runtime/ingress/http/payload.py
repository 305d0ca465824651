"""Bodies of requests and answers: protobuf's JSON, or the serialised message."""

import enum

from google.protobuf import json_format
from google.protobuf.message import Message
from grpclib.const import Status

from perdure_runtime.contracts import HandlerFacts
from perdure_runtime.ingress.desk import parse
from perdure_runtime.ingress.refusal import Refusal


class Form(enum.Enum):
    """How messages are written; the value is the content type."""

    JSON = b"application/json"
    PROTO = b"application/proto"


def form_of(content_type: bytes | None) -> Form:
    """The form that a content type names. Raises Refusal."""
    named = b"" if content_type is None else content_type.partition(b";")[0].strip().lower()
    try:
        return Form(named)
    except ValueError:
        said = f"is {named[:100].decode('latin-1')}" if named else "is missing"
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"content-type {said}; send application/json, or application/proto for a serialised message",
            http_status=415,
        ) from None


def read(handler: HandlerFacts, form: Form, body: bytes) -> tuple[Message, bytes]:
    """The request in a body, and the same serialised. Raises Refusal."""
    if form is Form.PROTO:
        return parse(handler, body), body
    message = handler.request()
    if body:
        try:
            json_format.Parse(body, message, descriptor_pool=handler.descriptors.pool)
        # What json_format raises for JSON that is none, does not fit, or is nested too deep.
        except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise Refusal(
                Status.INVALID_ARGUMENT,
                f"the body is no {message.DESCRIPTOR.full_name} in JSON: {said}",
            ) from error
    return message, message.SerializeToString()


def write(handler: HandlerFacts, form: Form, value: bytes) -> bytes:
    """A response in a form."""
    if form is Form.PROTO:
        return value
    message = handler.response.FromString(value)
    text = json_format.MessageToJson(message, indent=None, ensure_ascii=False, descriptor_pool=handler.descriptors.pool)
    return text.encode()
