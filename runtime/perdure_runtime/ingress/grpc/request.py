"""What a call asks: its message, read."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

Req = TypeVar("Req", bound=Message)


def read_request(request_type: type[Req], message: bytes) -> Req:
    """A request of this type. Raises Refusal where the message is none."""
    try:
        return request_type.FromString(message)
    except DecodeError as error:
        sentence = f"the request is no {request_type.DESCRIPTOR.full_name}: {error}"
        raise Refusal(Status.INVALID_ARGUMENT, sentence) from error
