"""Typed clients of services, for handlers and for programs outside: what generated client classes are made of."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import ClassVar, Generic, Self, cast, overload

import betterproto
from typing_extensions import TypeVar

from perdure import codec
from perdure.calls import (
    NO_HEADERS,
    BlockingCaller,
    BlockingInvocationHandle,
    Call,
    Caller,
    CallerT,
    InvocationHandle,
)
from perdure.errors import UsageError
from perdure.service import Handler, Service

Req = TypeVar("Req", bound=betterproto.Message)
Res = TypeVar("Res", bound=betterproto.Message)


class ServiceClient(Generic[CallerT]):
    """Base of the generated clients of services."""

    service: ClassVar[Service]

    def __init__(self, caller: CallerT) -> None:
        """Calls through the context of a handler, a ``Client`` or a ``SyncClient``."""
        if not isinstance(caller, (Caller, BlockingCaller)):
            raise UsageError(
                f"{type(self).__name__} calls through the ctx of a handler, a perdure.Client or a perdure.SyncClient, "
                f"not through a {type(caller).__name__}"
            )
        self._caller = caller
        self._key = ""


class ObjectClient(ServiceClient[CallerT]):
    """Base of the generated clients of virtual objects and workflows, which name one key."""

    def __init__(self, caller: CallerT, key: str) -> None:
        """Calls the object of this key through the context of a handler, a ``Client`` or a ``SyncClient``."""
        if not key:
            raise UsageError(f"{type(self).__name__} needs a key that is not empty: it names one {self.service.name}")
        super().__init__(caller)
        self._key = key


class ClientMethod(Generic[Req, Res, CallerT]):
    """One handler of the service, or of the key, that a client names."""

    __slots__ = ("_client", "_handler")

    def __init__(self, client: ServiceClient[CallerT], handler: Handler) -> None:
        self._client = client
        self._handler = handler

    def _make_call(
        self,
        request: Req,
        idempotency_key: str | None,
        headers: Mapping[str, str] | None,
        delay: timedelta | None = None,
        must_be_new: bool = False,
    ) -> Call[Res]:
        """A call of the handler, checked.

        Raises:
            UsageError: It cannot be made; the message says why.
        """
        client, handler = self._client, self._handler
        if type(request) is not handler.request:
            raise UsageError(
                f"{client.service.name}/{handler.name} takes a {handler.request.__name__}, "
                f"not a {type(request).__name__}"
            )
        if delay is not None and delay < timedelta(0):
            raise UsageError(f"{client.service.name}/{handler.name}: a delay of {delay} lies in the past")
        return Call(
            service=client.service.name,
            handler=handler.name,
            key=client._key,
            payload=self._payload(request),
            read=self._read,
            idempotency_key=idempotency_key or "",
            headers=headers or NO_HEADERS,
            delay=delay or timedelta(0),
            must_be_new=must_be_new,
        )

    @property
    def _read(self) -> Callable[[bytes], Res]:
        """Reads a response."""
        # Rpc and RunRpc, whose type arguments the generated code states, pair the handler with its types.
        return partial(codec.decode, cast(type[Res], self._handler.response))

    def _payload(self, request: Req) -> bytes:
        payload = codec.encode(request)
        key_field, bound_to = self._handler.key_field, self._client._key
        if key_field is None:
            return payload
        key = getattr(request, key_field)
        if not key:
            # Serialised messages that are joined are merged: this sets the key without touching the caller's request.
            make = self._handler.request
            return payload + codec.encode(make(**{key_field: bound_to}))
        if key != bound_to:
            raise UsageError(
                f"{type(self._client).__name__} was made for key {bound_to!r}, but {key_field} of the request says "
                f"{key!r}: leave it empty, or make a client for {key!r}"
            )
        return payload


class Method(ClientMethod[Req, Res, Caller]):
    """One handler, to be called or sent to."""

    __slots__ = ()

    def __call__(
        self, request: Req, *, idempotency_key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Awaitable[Res]:
        """Calls the handler and waits for its response.

        In a handler the call is on its way at once, awaited or not.

        Raises:
            TerminalError: When awaited: the invocation ended with it.
        """
        return self._client._caller._call(self._make_call(request, idempotency_key, headers))

    def send(
        self,
        request: Req,
        *,
        delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Awaitable[InvocationHandle[Res]]:
        """Sends a message: the handler runs, after the delay if there is one, and nobody waits for it.

        In a handler the message is on its way at once, awaited or not; outside it must be awaited.
        """
        return self._client._caller._send(self._make_call(request, idempotency_key, headers, delay))


class BlockingMethod(ClientMethod[Req, Res, BlockingCaller]):
    """One handler, to be called or sent to by a blocking program."""

    __slots__ = ()

    def __call__(
        self, request: Req, *, idempotency_key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Res:
        """Calls the handler and waits for its response.

        Raises:
            TerminalError: The invocation ended with it.
        """
        return self._client._caller._call(self._make_call(request, idempotency_key, headers))

    def send(
        self,
        request: Req,
        *,
        delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> BlockingInvocationHandle[Res]:
        """Sends a message: the handler runs, after the delay if there is one, and nobody waits for it."""
        return self._client._caller._send(self._make_call(request, idempotency_key, headers, delay))


class Rpc(Generic[Req, Res]):
    """An attribute of a generated client: one handler of its service, with the types of its request and response."""

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, client: ServiceClient[BlockingCaller], owner: type[object]) -> BlockingMethod[Req, Res]: ...
    @overload
    def __get__(self, client: ServiceClient[Caller], owner: type[object]) -> Method[Req, Res]: ...
    def __get__(
        self, client: ServiceClient[Caller] | ServiceClient[BlockingCaller] | None, owner: type[object]
    ) -> Self | Method[Req, Res] | BlockingMethod[Req, Res]:
        if client is None:
            return self
        handler = client.service.handler(self._name)
        if isinstance(client._caller, Caller):
            return Method(client, handler)
        return BlockingMethod(client, handler)
