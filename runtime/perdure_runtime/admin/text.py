"""Text of requests: what no name, key or id here can hold, and databases refuse, is refused before they are asked."""

from collections.abc import Iterator

from google.protobuf.message import Message
from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

NUL = "\0"


def check_text(request: Message) -> None:
    """Raises Refusal where some text has a NUL character in it."""
    for place, text in _texts(request):
        if NUL in text:
            raise Refusal(Status.INVALID_ARGUMENT, f"{place} holds a NUL character; leave it out")


def _texts(message: Message, within: str = "") -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        place = f"{within}{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            # Keys and values of all maps of the contract are text or numbers.
            values = [*value, *value.values()]
        else:
            values = list(value) if field.is_repeated else [value]
        for each in values:
            if isinstance(each, str):
                yield place, each
            elif isinstance(each, Message):
                yield from _texts(each, f"{place}.")
