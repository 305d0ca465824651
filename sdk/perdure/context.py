"""What a handler gets: the durable operations, and what is known about its invocation."""

import hashlib
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, ParamSpec, overload

import betterproto
from perdure_protos.perdure.protocol.v1.journal_pb2 import AwaitSignalCommand, Entry, Outcome
from typing_extensions import TypeVar

from perdure import codec, commands
from perdure.calls import Call, Caller, InvocationHandle, InvocationName
from perdure.combining import wait
from perdure.errors import StatusCode, TerminalError, UsageError
from perdure.failures import error_of, failure_of
from perdure.futures import Awakeable, Durable, DurableFuture
from perdure.logs import HandlerLogger
from perdure.operations import Operations
from perdure.retry import RetryPolicy
from perdure.state import ReadState, State

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=betterproto.Message)
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
        self._logger: HandlerLogger | None = None

    @property
    def invocation_id(self) -> str:
        """Id of the invocation, the same in all its attempts."""
        return self._attempt.start.invocation_id

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1. It differs between attempts: don't decide by it outside of steps."""
        return self._attempt.start.attempt

    @property
    def logger(self) -> HandlerLogger:
        """A logger of the standard library, named after the service.

        Its lines say which invocation they are of. What an earlier attempt has logged is not logged again by a replay.
        """
        if self._logger is None:
            self._logger = HandlerLogger(self._attempt)
        return self._logger

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that the caller sent."""
        return self._attempt.start.headers

    @property
    def idempotency_key(self) -> str:
        """The key that the caller gave, else empty."""
        return self._attempt.start.idempotency_key

    @property
    def deployment_id(self) -> str:
        """The deployment that runs this attempt; "local" in `perdure dev`. It may differ between attempts."""
        return self._attempt.start.deployment_id

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

    def awakeable(self, message: type[M]) -> Awakeable[M]:
        """A result that somebody outside gives: tell them its ``id``, then await it.

        Whoever has the id resolves it with ``resolve_awakeable`` of a context or a client, or over HTTP.

        Raises:
            TerminalError: When awaited: it was rejected.
        """
        return self._attempt.awakeable(codec.full_name(message), partial(codec.decode, message))

    def resolve_awakeable(self, awakeable_id: str, message: betterproto.Message) -> DurableFuture[None]:
        """Gives an awakeable its result; one that has a result keeps it.

        Raises:
            TerminalError: When awaited: NOT_FOUND, there is no such awakeable.
        """
        entry = commands.complete_awakeable(awakeable_id, Outcome(value=codec.encode(message)))
        return self._attempt.issue("resolve_awakeable", entry, commands.nothing)

    def reject_awakeable(
        self, awakeable_id: str, message: str, code: StatusCode = StatusCode.UNKNOWN
    ) -> DurableFuture[None]:
        """Lets whoever awaits an awakeable get a TerminalError; one that has a result keeps it.

        Raises:
            TerminalError: When awaited: NOT_FOUND, there is no such awakeable.
        """
        failure = failure_of(TerminalError(message, code))
        entry = commands.complete_awakeable(awakeable_id, Outcome(failure=failure))
        return self._attempt.issue("reject_awakeable", entry, commands.nothing)

    def signal(self, name: str, message: type[M]) -> DurableFuture[M]:
        """The next signal of this name: the first wait for a name gets the first such signal, and so on.

        It is sent with ``signal`` of an ``InvocationHandle``, and kept where it comes before the wait.
        """
        commands.check_signal_name(name)
        entry = Entry(await_signal=AwaitSignalCommand(name=name, type=codec.full_name(message)))
        return self._attempt.issue(f"signal {name!r}", entry, partial(codec.decode, message))

    def handle(self, invocation_id: str, response: type[M]) -> InvocationHandle[M]:
        """The handle of an invocation whose id is known, and whose handler gives ``response``."""
        return InvocationHandle(self, invocation_id, partial(codec.decode, response))

    def cancel(self, call: Awaitable[object]) -> DurableFuture[None]:
        """Cancels what a call of this handler has become; its result, a TerminalError as a rule, can still be awaited.

        Raises:
            UsageError: It is no call.
        """
        if not isinstance(call, DurableFuture) or not call.entry.HasField("call"):
            raise UsageError(f"ctx.cancel takes what a call of a client gave, not {call!r}; a handle has its cancel()")
        return self._attempt.issue("cancel", commands.cancel_call(call.command), commands.nothing)

    def cancellation(self) -> Durable[None]:
        """Settled when this invocation is cancelled: to race with, where the contract says explicit_cancellation."""
        return self._attempt.cancellation()

    def shield(self) -> AbstractContextManager[None]:
        """Holds a cancellation back until the block is left: ``with ctx.shield(): ...``"""
        return self._attempt.shield()

    async def _end_what_runs(self, since: int) -> None:
        """Waits for the steps and calls under way that were asked for since a command, and cancels the calls."""
        under_way = self._attempt.under_way(since)
        for future in under_way:
            if future.entry.HasField("call"):
                self.cancel(future)
        if under_way:
            await wait(*under_way)

    def _call(self, call: Call[T]) -> DurableFuture[T]:
        return self._attempt.issue(f"call {call.handler}", commands.call(call, self._attempt.start), call.read)

    def _send(self, call: Call[T]) -> DurableFuture[InvocationHandle[T]]:
        def restore(invocation_id: bytes) -> InvocationHandle[T]:
            return InvocationHandle(self, invocation_id.decode(), call.read)

        return self._attempt.issue(f"send {call.handler}", commands.send(call, self._attempt.start), restore)

    def _attach(self, name: InvocationName, read: Callable[[bytes], T]) -> DurableFuture[T]:
        return self._attempt.issue("attach", commands.attach(name), read)

    def _output(self, name: InvocationName, read: Callable[[bytes], T]) -> DurableFuture[T | None]:
        return self._attempt.issue("output", commands.output(name), partial(looked_at, read))

    def _cancel(self, name: InvocationName) -> DurableFuture[None]:
        return self._attempt.issue("cancel", commands.cancel(name), commands.nothing)

    def _signal(self, name: InvocationName, signal: str, payload: bytes) -> DurableFuture[None]:
        return self._attempt.issue(f"signal {signal!r}", commands.send_signal(name, signal, payload), commands.nothing)


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
        self.state = make(attempt.state, attempt.state_message)


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
        self.state = make(attempt.state, attempt.state_message)


def looked_at(read: Callable[[bytes], T], seen: bytes) -> T | None:
    """What an Outcome in a journal says, or None where there was none yet.

    Raises:
        TerminalError: It was an error.
    """
    if not seen:
        return None
    outcome = Outcome.FromString(seen)
    if outcome.HasField("failure"):
        raise error_of(outcome.failure)
    return read(outcome.value)
