"""What a context asks of the attempt that it belongs to."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import betterproto
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure.futures import Awakeable, Durable, DurableFuture
from perdure.retry import RetryPolicy
from perdure.state import StateStore

T = TypeVar("T")


class Operations(Protocol):
    """The durable operations of one attempt.

    Attributes:
        start: The first frame of the attempt.
    """

    start: Start

    @property
    def state(self) -> StateStore:
        """The state of the handler's key."""

    @property
    def state_message(self) -> type[betterproto.Message] | None:
        """The message whose fields are the state of the handler's key."""

    def now_ms(self) -> int:
        """The time that the handler reads, in milliseconds since the epoch."""

    def issue(self, operation: str, entry: Entry, restore: Callable[[bytes], T]) -> DurableFuture[T]:
        """Issues a command; ``operation`` names it in errors."""

    def sleep(self, duration: timedelta) -> DurableFuture[None]:
        """Issues a sleep."""

    def run(
        self,
        name: str,
        function: Callable[..., object],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        retry: RetryPolicy | None,
    ) -> DurableFuture[Any]:
        """Issues a step."""

    def awakeable(self, type: str, restore: Callable[[bytes], T]) -> Awakeable[T]:
        """Issues an awakeable for a message of this full name."""

    def cancellation(self) -> Durable[None]:
        """Settled when the handler sees that its invocation was cancelled."""

    def shield(self) -> AbstractContextManager[None]:
        """Holds a cancellation back."""

    @property
    def cancelled(self) -> bool:
        """Whether the handler was told of its cancellation."""

    @property
    def replaying(self) -> bool:
        """Whether the handler repeats what an earlier attempt did."""

    @property
    def issued(self) -> int:
        """How many commands the handler has issued."""

    def under_way(self, since: int) -> list[DurableFuture[Any]]:
        """The steps and calls whose results the handler has not seen, from the command of this ordinal on."""

    def check_usable(self, operation: str) -> None:
        """Whether the handler may do something durable now. Raises UsageError, asyncio.CancelledError."""
