"""A call on its way: what is called, through whom, and the handle of an invocation that was sent."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic

import betterproto
from typing_extensions import TypeVar

Res = TypeVar("Res", bound=betterproto.Message)
Res_co = TypeVar("Res_co", bound=betterproto.Message, covariant=True)
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Call(Generic[Res_co]):
    """A call that is ready to go: whom, with what, and what comes back.

    Attributes:
        key: Empty for services.
        payload: The request, serialised.
        delay: One-way messages: the handler starts after it.
    """

    service: str
    handler: str
    key: str
    payload: bytes
    response: type[Res_co]
    idempotency_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: timedelta = timedelta(0)


class Caller(ABC):
    """Whom an async client calls through: the context of a handler, or a ``Client``."""

    __slots__ = ()

    @abstractmethod
    def _call(self, call: Call[Res]) -> Awaitable[Res]: ...

    @abstractmethod
    def _send(self, call: Call[Res]) -> "Awaitable[InvocationHandle[Res]]": ...

    @abstractmethod
    def _attach(self, invocation_id: str, response: type[Res]) -> Awaitable[Res]: ...

    @abstractmethod
    def _output(self, invocation_id: str, response: type[Res]) -> Awaitable[Res | None]: ...


class BlockingCaller(ABC):
    """Whom a blocking client calls through: a ``SyncClient``."""

    __slots__ = ()

    @abstractmethod
    def _call(self, call: Call[Res]) -> Res: ...

    @abstractmethod
    def _send(self, call: Call[Res]) -> "BlockingInvocationHandle[Res]": ...

    @abstractmethod
    def _attach(self, invocation_id: str, response: type[Res]) -> Res: ...

    @abstractmethod
    def _output(self, invocation_id: str, response: type[Res]) -> Res | None: ...


# Generated clients are generic in it, so that the same class gives awaitables on a Client and results on a SyncClient.
CallerT = TypeVar("CallerT", bound=Caller | BlockingCaller, covariant=True, default=Caller)


class InvocationHandle(Generic[Res_co]):
    """An invocation that was sent.

    Attributes:
        invocation_id: Names it to callers and operators.
    """

    __slots__ = ("_caller", "_response", "invocation_id")

    def __init__(self, caller: Caller, invocation_id: str, response: type[Res_co]) -> None:
        self._caller = caller
        self._response = response
        self.invocation_id = invocation_id

    def __repr__(self) -> str:
        return f"InvocationHandle({self.invocation_id!r})"

    async def attach(self) -> Res_co:
        """Waits for the result.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return await self._caller._attach(self.invocation_id, self._response)

    async def output(self) -> Res_co | None:
        """The result, or None while the invocation has not ended.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return await self._caller._output(self.invocation_id, self._response)


class BlockingInvocationHandle(Generic[Res_co]):
    """An invocation that was sent by a ``SyncClient``.

    Attributes:
        invocation_id: Names it to callers and operators.
    """

    __slots__ = ("_caller", "_response", "invocation_id")

    def __init__(self, caller: BlockingCaller, invocation_id: str, response: type[Res_co]) -> None:
        self._caller = caller
        self._response = response
        self.invocation_id = invocation_id

    def __repr__(self) -> str:
        return f"BlockingInvocationHandle({self.invocation_id!r})"

    def attach(self) -> Res_co:
        """Waits for the result.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return self._caller._attach(self.invocation_id, self._response)

    def output(self) -> Res_co | None:
        """The result, or None while the invocation has not ended.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return self._caller._output(self.invocation_id, self._response)
