"""What can be called: unary methods, and streaming ones for reflection and health."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Header: TypeAlias = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """A response message, serialised, and the metadata before it."""

    message: bytes
    metadata: Sequence[Header] = ()


class Conversation(Protocol):
    """A streaming call, as its method sees it."""

    async def receive(self) -> bytes | None:
        """The next message, or None when the caller has sent its last."""

    async def send(self, message: bytes) -> None:
        """Sends a message, once the caller has room for it."""


@dataclass(frozen=True, slots=True)
class Unary:
    """``answer(message, headers, timeout_s)`` raises Refusal where it does not reply.

    The timeout is the caller's; the method itself keeps to it.
    """

    answer: Callable[[bytes, Sequence[Header], float | None], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Streaming:
    """``converse(conversation)`` ends the call by returning, or by raising Refusal.

    ``last_words`` is a message for callers who have heard something already, when the node stops.
    """

    converse: Callable[[Conversation], Awaitable[None]]
    last_words: bytes | None = None


Method: TypeAlias = Unary | Streaming

# Finds the method at a path, such as "/grpc.health.v1.Health/Check". Raises Refusal where there is none.
Router: TypeAlias = Callable[[str], Method]
