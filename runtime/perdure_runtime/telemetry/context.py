"""Where an invocation stands in a trace, told from its id and its headers alone.

Any node says the same of it at any time, so that it is one span however often it was started and moved. What stands in
``traceparent`` of its row is its parent; its endpoint is told itself in that place, and hands that on to what it calls.
A send begins a trace of its own, which knows by a link where it came from: it may run weeks later.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, MutableMapping
from dataclasses import dataclass, replace

# LINK is of sends. Callers from outside cannot say it: its prefix is ours.
from perdure.vm.headers import LINK, TRACEPARENT

FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Point:
    """A span, as others name it."""

    trace_id: int
    span_id: int
    flags: int = SAMPLED

    def __str__(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.flags:02x}"

    @property
    def is_sampled(self) -> bool:
        """Whether its trace is kept."""
        return bool(self.flags & SAMPLED)


@dataclass(frozen=True, slots=True)
class Place:
    """The span of an invocation, and what it belongs to: the span that called, or the one that sent."""

    own: Point
    parent: Point | None = None
    link: Point | None = None


def read_point(text: str) -> Point | None:
    """What a ``traceparent`` names; None where it is none."""
    form = FORM.fullmatch(text.strip())
    if form is None or form[1] == "ff" or (form[1] == "00" and form[5]):
        return None
    point = Point(int(form[2], 16), int(form[3], 16), int(form[4], 16) & SAMPLED)
    return point if point.trace_id and point.span_id else None


def place_of(invocation_id: str, headers: Iterable[tuple[str, str]]) -> Place | None:
    """Where an invocation stands; None where nobody has begun a trace."""
    parent = link = None
    for name, value in headers:
        if name == TRACEPARENT:
            parent = read_point(value)
        elif name == LINK:
            link = read_point(value)
    if parent is not None:
        return Place(Point(parent.trace_id, _number(invocation_id, 8), parent.flags), parent=parent)
    if link is not None:
        return Place(Point(_number(invocation_id, 16), _number(invocation_id, 8), link.flags), link=link)
    return None


def headers_within(invocation_id: str, headers: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
    """What a handler is told of its caller's headers, with the span of its invocation in place of its caller's."""
    place = place_of(invocation_id, headers)
    if place is None:
        return headers
    kept = [(name, value) for name, value in headers if name not in (TRACEPARENT, LINK)]
    return [*kept, (TRACEPARENT, str(place.own))]


def hush(headers: MutableMapping[str, str]) -> None:
    """Lets what is done with these headers leave no spans."""
    point = read_point(headers[TRACEPARENT]) if TRACEPARENT in headers else None
    if point is not None:
        headers[TRACEPARENT] = str(replace(point, flags=0))


def _number(invocation_id: str, size: int) -> int:
    digest = hashlib.blake2b(invocation_id.encode(), digest_size=size, person=b"perdure.span").digest()
    # 0 names nothing.
    return int.from_bytes(digest, "big") or 1
