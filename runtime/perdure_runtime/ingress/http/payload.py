"""Bodies of requests and answers: protobuf's JSON, or the serialised message."""

import asyncio
import enum

from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, EncodeError, Message
from grpclib.const import Status

from perdure_runtime.contracts import HandlerFacts
from perdure_runtime.ingress.desk import parse
from perdure_runtime.ingress.refusal import Refusal

# A mebibyte of JSON can take a third of a second: larger bodies than this are read beside the loop.
LARGE = 64 * 1024


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


async def read(handler: HandlerFacts, form: Form, body: bytes) -> tuple[Message, bytes]:
    """The request in a body, and the same serialised. Raises Refusal."""
    if form is Form.PROTO:
        return parse(handler, body), body
    return await read_json(handler.request, handler.descriptors.pool, body)


async def read_json(kind: type[Message], pool: DescriptorPool, body: bytes) -> tuple[Message, bytes]:
    """The message in a body of JSON, and the same serialised; an empty body is an empty message. Raises Refusal."""
    if len(body) > LARGE:
        return await asyncio.to_thread(_from_json, kind, pool, body)
    return _from_json(kind, pool, body)


async def write(handler: HandlerFacts, form: Form, value: bytes, invocation_id: str) -> bytes:
    """A response in a form. Raises Refusal when it is no such message."""
    if form is Form.PROTO:
        return value
    try:
        if len(value) > LARGE:
            return await asyncio.to_thread(_to_json, handler, value)
        return _to_json(handler, value)
    # What json_format raises for a message that JSON has no words for, such as an Any of an unknown type.
    except (DecodeError, json_format.Error, ValueError, TypeError) as error:
        raise Refusal(
            Status.INTERNAL,
            f"the invocation has ended, but its response cannot be written as JSON: {error}; ask for application/proto",
            invocation_id=invocation_id,
        ) from error


def _from_json(kind: type[Message], pool: DescriptorPool, body: bytes) -> tuple[Message, bytes]:
    message = kind()
    try:
        if body:
            _check_object(body, message)
            json_format.Parse(body, message, descriptor_pool=pool)
        return message, message.SerializeToString()
    # What json_format raises for JSON that is none, does not fit, or is nested too deep; and upb for what is missing.
    except (json_format.ParseError, EncodeError, ValueError, TypeError, RecursionError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise Refusal(
            Status.INVALID_ARGUMENT, f"the body is no {message.DESCRIPTOR.full_name} in JSON: {said}"
        ) from error


def _check_object(body: bytes, message: Message) -> None:
    """json_format takes an empty list or text for an empty message."""
    if not body.lstrip(b" \t\r\n").startswith(b"{") and message.DESCRIPTOR.file.package != "google.protobuf":
        raise ValueError("it is no object; write {…}")


def _to_json(handler: HandlerFacts, value: bytes) -> bytes:
    message = handler.response.FromString(value)
    text = json_format.MessageToJson(message, indent=None, ensure_ascii=False, descriptor_pool=handler.descriptors.pool)
    return text.encode()
