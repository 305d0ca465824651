"""What a message, or a time, becomes: a checked call of a handler."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from google.protobuf.message import Message as Request

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.contracts.shapes import NotRead, Shape
from perdure_runtime.ingress.desk import key_of, parse
from perdure_runtime.ingress.port import Submission
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import CONTROL, IDEMPOTENCY_KEY, RESERVED, RESERVED_PREFIXES
from perdure_runtime.partition import ids
from perdure_runtime.partition.rows import Mark
from perdure_runtime.sources.port import Message

# An invocation keeps no more of the headers of its message than these characters.
MOST_HEADERS = 16 * 1024


class Unfit(Exception):
    """This cannot become a call; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Calling:
    """How the messages of a subscription call its handler."""

    path: str
    is_json: bool

    def submission(self, contracts: Contracts, source: str, message: Message) -> Submission:
        """The call that a message is. Raises Unfit."""
        handler = find_handler(contracts, self.path)
        if message.value is None:
            raise Unfit("it has no value, as what deletes a key has none, and a handler needs a request; skip it")
        text = message.value if self.is_json else None
        request = _from_json(handler, _text(text)) if text is not None else _from_wire(handler, message.value)
        _fill_key(handler, request, message.key)
        mark = Mark(source, message.position)
        # Messages without a key are spread over all partitions.
        return _submission(handler, request, mark, place_of_source(f"{source}/{mark.position}"), _headers(message))


def scheduled(contracts: Contracts, path: str, request: str, mark: Mark) -> Submission:
    """The call of a schedule, whose request is JSON. Raises Unfit."""
    handler = find_handler(contracts, path)
    return _submission(handler, _from_json(handler, request or "{}"), mark, place_of_source(mark.source), {})


def find_handler(contracts: Contracts, path: str) -> HandlerFacts:
    """A handler by "package.Service/Method", private ones too. Raises Unfit."""
    handler = contracts.handlers.get(f"/{path.removeprefix('/')}")
    if handler is None:
        raise Unfit(f"no deployment serves {path}: register its endpoint, or name another handler")
    return handler


def place_of(submission: Submission) -> int:
    """Where a call of a source goes, each time the same."""
    if submission.key:
        return ids.place_of_key(submission.service, submission.key)
    assert submission.place is not None
    return submission.place


def place_of_source(source: str) -> int:
    """The place whose owner looks after a source."""
    return int.from_bytes(blake2b(source.encode(), digest_size=2).digest(), "big")


def _submission(
    handler: HandlerFacts, request: Request, mark: Mark, place: int, headers: Mapping[str, str]
) -> Submission:
    try:
        key = key_of(handler, request) if handler.key_field is not None else ""
    except Refusal as refusal:
        raise Unfit(refusal.message) from refusal
    return Submission(
        service=handler.service,
        handler=handler.name,
        key=key,
        input=request.SerializeToString(deterministic=True),
        headers=headers,
        mark=mark,
        place=place,
    )


def _from_wire(handler: HandlerFacts, value: bytes) -> Request:
    try:
        return parse(handler, value)
    except Refusal as refusal:
        raise Unfit(refusal.message) from refusal


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Unfit(
            f"its value is no UTF-8 and so no JSON ({error}); is it protobuf? Then set mapping to it"
        ) from error


def _from_json(handler: HandlerFacts, text: str) -> Request:
    shape = Shape(handler.request, handler.descriptors.pool)
    try:
        return handler.request.FromString(shape.from_json(text))
    except NotRead as error:
        raise Unfit(str(error)) from error


def _fill_key(handler: HandlerFacts, request: Request, key: bytes | None) -> None:
    """A topic often has the key of an object beside its message, and not in it."""
    if handler.key_field is None or key is None or getattr(request, handler.key_field):
        return
    try:
        setattr(request, handler.key_field, key.decode())
    except UnicodeDecodeError:
        # Then the message has no key for us, which whoever looks for it says.
        return


def _headers(message: Message) -> dict[str, str]:
    """What of the headers of a message is text, and means nothing to the runtime; the first that are not too many."""
    kept: dict[str, str] = {}
    left = MOST_HEADERS
    for name, value in message.headers:
        low = name.lower()
        wire = low.encode()
        if not low or wire in RESERVED or wire == IDEMPOTENCY_KEY or wire.startswith(RESERVED_PREFIXES):
            continue
        try:
            text = value.decode()
        except UnicodeDecodeError:
            continue
        left -= len(low) + len(text)
        if left < 0:
            break
        if not (CONTROL.search(wire) or CONTROL.search(value)):
            # A header that comes twice is a list, as everywhere in HTTP.
            kept[low] = f"{kept[low]}, {text}" if low in kept else text
    return kept
