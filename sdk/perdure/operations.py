"""What a context asks of the attempt that it belongs to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import betterproto
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure.calls import Call, Caller, InvocationHandle, Res
from perdure.errors import UsageError
from perdure.futures import DurableFuture
from perdure.retry import RetryPolicy
from perdure.state import StateStore


class Operations(StateStore, Protocol):
    """The durable operations of one attempt.

    Attributes:
        start: The first frame of the attempt.
    """

    start: Start

    @property
    def state_message(self) -> type[betterproto.Message] | None:
        """The message whose fields are the state of the handler's key."""

    def now_ms(self) -> int:
        """The time that the handler reads, in milliseconds since the epoch."""

    def call(self, call: Call[Res]) -> DurableFuture[Res]:
        """Issues a call."""

    def send(self, call: Call[Res], caller: Caller) -> DurableFuture[InvocationHandle[Res]]:
        """Issues a message."""

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

    def check_usable(self, operation: str) -> None:
        """Whether the handler may do something durable now. Raises UsageError, asyncio.CancelledError."""

    def cannot_attach(self, invocation_id: str) -> UsageError:
        """Why a handler cannot wait for an invocation by its id."""
