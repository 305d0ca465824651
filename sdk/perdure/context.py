"""What a handler gets: the durable operations, and what is known about its invocation."""

import hashlib
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, ParamSpec, overload

from typing_extensions import TypeVar

from perdure.calls import Call, Caller, InvocationHandle, Res
from perdure.futures import DurableFuture
from perdure.operations import Operations
from perdure.retry import RetryPolicy
from perdure.state import ReadState, State

P = ParamSpec("P")
T = TypeVar("T")
StateT = TypeVar("StateT", bound=State, default=State)
ReadStateT = TypeVar("ReadStateT", bound=ReadState, default=ReadState)


class Context(Caller):
    """The durable operations of one invocation.

    What a handler does through its context is journaled: when the handler runs again after a crash, each operation
    gives what it gave the first time. Everything else with an effect or a changing result belongs into a step, ``run``.
    """

    def __init__(self, attempt: Operations) -> None:
        self._attempt = attempt
        self._random: random.Random | None = None
        self._uuids = 0

    @property
    def invocation_id(self) -> str:
        """Id of the invocation, the same in all its attempts."""
        return self._attempt.start.invocation_id

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1. It differs between attempts: don't decide by it outside of steps."""
        return self._attempt.start.attempt

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that the caller sent."""
        return self._attempt.start.headers

    @property
    def idempotency_key(self) -> str:
        """The key that the caller gave, else empty."""
        return self._attempt.start.idempotency_key

    @overload
    def run(
        self, name: str, fn: Callable[..., Awaitable[T]], /, *args: object, retry: RetryPolicy, **kwargs: object
    ) -> DurableFuture[T]: ...
    @overload
    def run(
        self, name: str, fn: Callable[..., T], /, *args: object, retry: RetryPolicy, **kwargs: object
    ) -> DurableFuture[T]: ...
    @overload
    def run(
        self, name: str, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> DurableFuture[T]: ...
    @overload
    def run(self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> DurableFuture[T]: ...
    def run(self, name: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> DurableFuture[Any]:
        """Runs a side effect once and journals its result. A sync function runs in a thread.

        The function may run more than once if a crash hits it in the middle: give the outside world an idempotency key
        such as one of ``uuid4``. A TerminalError that it raises is journaled too. Other exceptions are tried again: by
        ``retry`` where given, which ends in a TerminalError; else by failing the attempt, as the handler's policy says.

        Args:
            name: What people read in the journal. The same in every attempt, and not empty.
            fn: Any function; ``retry`` cannot be an argument of its own.
            retry: How the step is tried again.

        Returns:
            The result: None, bool, int, float, str, bytes, messages of contracts, enums, datetime, timedelta, UUID,
            Decimal, and lists, tuples, dicts and dataclasses of these.
        """
        retry: RetryPolicy | None = kwargs.pop("retry", None)
        return self._attempt.run(name, fn, args, kwargs, retry)

    def sleep(self, duration: timedelta) -> DurableFuture[None]:
        """Waits durably, for milliseconds or months. The invocation leaves memory when it takes long."""
        return self._attempt.sleep(duration)

    def now(self) -> datetime:
        """The time, in UTC: when the invocation was made, then when the last result came that the handler has seen."""
        return datetime.fromtimestamp(self._attempt.now_ms() / 1000, UTC)

    def uuid4(self) -> uuid.UUID:
        """A random UUID, the same in every attempt."""
        self._attempt.check_usable("uuid4")
        self._uuids += 1
        seed = f"{self.invocation_id}/uuid4/{self._uuids}".encode()
        return uuid.UUID(bytes=hashlib.blake2b(seed, digest_size=16).digest(), version=4)

    @property
    def random(self) -> random.Random:
        """Random numbers, the same in every attempt. Not for secrets: the invocation id is the seed."""
        if self._random is None:
            self._attempt.check_usable("random")
            self._random = random.Random(f"{self.invocation_id}/random")
        return self._random

    def _call(self, call: Call[Res]) -> DurableFuture[Res]:
        return self._attempt.call(call)

    def _send(self, call: Call[Res]) -> DurableFuture[InvocationHandle[Res]]:
        return self._attempt.send(call, self)

    def _attach(self, invocation_id: str, response: type[Res]) -> Awaitable[Res]:
        raise self._attempt.cannot_attach(invocation_id)

    def _output(self, invocation_id: str, response: type[Res]) -> Awaitable[Res | None]:
        raise self._attempt.cannot_attach(invocation_id)


class SharedObjectContext(Context, Generic[ReadStateT]):
    """For the shared handlers of a virtual object: they run beside its one writer and only read its state.

    Attributes:
        key: Which object.
        state: The state as it was when the attempt started.
    """

    state_type: type[ReadStateT]

    def __init__(self, attempt: Operations) -> None:
        super().__init__(attempt)
        self.key = attempt.start.target.key
        # A contract without state has no generated class: its state has no fields.
        make: type[ReadStateT] = getattr(self, "state_type", ReadState)  # type: ignore[arg-type]  # then it is ReadStateT's default
        self.state = make(attempt, attempt.state_message)


class ObjectContext(Context, Generic[StateT]):
    """For the exclusive handlers of a virtual object: at most one runs at a time for a key.

    Attributes:
        key: Which object.
        state: The state, which nobody else writes meanwhile.
    """

    state_type: type[StateT]

    def __init__(self, attempt: Operations) -> None:
        super().__init__(attempt)
        self.key = attempt.start.target.key
        make: type[StateT] = getattr(self, "state_type", State)  # type: ignore[arg-type]  # then it is StateT's default
        self.state = make(attempt, attempt.state_message)
