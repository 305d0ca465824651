"""A call on its way: what is called, through whom, and the handle of an invocation."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeAlias

import betterproto
from typing_extensions import TypeVar

from perdure import codec

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """The run of a workflow, named by its service, its run handler and the workflow id."""

    service: str
    handler: str
    id: str


# An invocation by its id, or the run of a workflow.
InvocationName: TypeAlias = str | WorkflowRun


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A call that is ready to go: whom, with what, and what comes back.

    Attributes:
        key: Empty for services.
        payload: The request, serialised.
        read: Makes the response of its bytes.
        delay: One-way messages: the handler starts after it.
        must_be_new: The run of a workflow: refuse it where its id has run.
    """

    service: str
    handler: str
    key: str
    payload: bytes
    read: Callable[[bytes], T_co]
    idempotency_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: timedelta = timedelta(0)
    must_be_new: bool = False


class Caller(ABC):
    """Whom an async client calls through: the context of a handler, or a ``Client``."""

    __slots__ = ()

    @abstractmethod
    def _call(self, call: Call[T]) -> Awaitable[T]: ...

    @abstractmethod
    def _send(self, call: Call[T]) -> "Awaitable[InvocationHandle[T]]": ...

    @abstractmethod
    def _attach(self, name: InvocationName, read: Callable[[bytes], T]) -> Awaitable[T]: ...

    @abstractmethod
    def _output(self, name: InvocationName, read: Callable[[bytes], T]) -> Awaitable[T | None]: ...

    @abstractmethod
    def _cancel(self, name: InvocationName) -> Awaitable[None]: ...

    @abstractmethod
    def _signal(self, name: InvocationName, signal: str, payload: bytes) -> Awaitable[None]: ...


class BlockingCaller(ABC):
    """Whom a blocking client calls through: a ``SyncClient``."""

    __slots__ = ()

    @abstractmethod
    def _call(self, call: Call[T]) -> T: ...

    @abstractmethod
    def _send(self, call: Call[T]) -> "BlockingInvocationHandle[T]": ...

    @abstractmethod
    def _attach(self, name: InvocationName, read: Callable[[bytes], T]) -> T: ...

    @abstractmethod
    def _output(self, name: InvocationName, read: Callable[[bytes], T]) -> T | None: ...

    @abstractmethod
    def _cancel(self, name: InvocationName) -> None: ...

    @abstractmethod
    def _signal(self, name: InvocationName, signal: str, payload: bytes) -> None: ...


# Generated clients are generic in it, so that the same class gives awaitables on a Client and results on a SyncClient.
CallerT = TypeVar("CallerT", bound=Caller | BlockingCaller, covariant=True, default=Caller)


class InvocationHandle(Generic[T_co]):
    """An invocation whose id is known.

    In a handler all that it does is durable, and on its way at once, awaited or not.

    Attributes:
        invocation_id: Names it to callers and operators.
    """

    __slots__ = ("_caller", "_read", "invocation_id")

    def __init__(self, caller: Caller, invocation_id: str, read: Callable[[bytes], T_co]) -> None:
        self._caller = caller
        self._read = read
        self.invocation_id = invocation_id

    def __repr__(self) -> str:
        return f"InvocationHandle({self.invocation_id!r})"

    def attach(self) -> Awaitable[T_co]:
        """Waits for the result.

        Raises:
            TerminalError: When awaited: the invocation ended with it.
        """
        return self._caller._attach(self.invocation_id, self._read)

    def output(self) -> Awaitable[T_co | None]:
        """The result, or None while the invocation has not ended.

        Raises:
            TerminalError: When awaited: the invocation ended with it.
        """
        return self._caller._output(self.invocation_id, self._read)

    def cancel(self) -> Awaitable[None]:
        """Asks the invocation to end: its handler gets a ``CancelledInvocation`` where it waits."""
        return self._caller._cancel(self.invocation_id)

    def signal(self, name: str, message: betterproto.Message) -> Awaitable[None]:
        """Gives the invocation a signal, which its handler waits for with ``ctx.signal(name, type(message))``.

        Raises:
            TerminalError: When awaited: the invocation has ended, or never was.
        """
        return self._caller._signal(self.invocation_id, name, codec.encode(message))


class BlockingInvocationHandle(Generic[T_co]):
    """An invocation whose id is known to a ``SyncClient``.

    Attributes:
        invocation_id: Names it to callers and operators.
    """

    __slots__ = ("_caller", "_read", "invocation_id")

    def __init__(self, caller: BlockingCaller, invocation_id: str, read: Callable[[bytes], T_co]) -> None:
        self._caller = caller
        self._read = read
        self.invocation_id = invocation_id

    def __repr__(self) -> str:
        return f"BlockingInvocationHandle({self.invocation_id!r})"

    def attach(self) -> T_co:
        """Waits for the result.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return self._caller._attach(self.invocation_id, self._read)

    def output(self) -> T_co | None:
        """The result, or None while the invocation has not ended.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return self._caller._output(self.invocation_id, self._read)

    def cancel(self) -> None:
        """Asks the invocation to end: its handler gets a ``CancelledInvocation`` where it waits."""
        self._caller._cancel(self.invocation_id)

    def signal(self, name: str, message: betterproto.Message) -> None:
        """Gives the invocation a signal, which its handler waits for with ``ctx.signal(name, type(message))``.

        Raises:
            TerminalError: The invocation has ended, or never was.
        """
        self._caller._signal(self.invocation_id, name, codec.encode(message))
