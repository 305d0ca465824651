"""The client of programs outside: scripts, web servers, tests."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import betterproto
from google.protobuf.message import Message
from perdure_protos.perdure.ingress.v1 import ingress_pb2

from perdure import codec
from perdure.address import parse_address
from perdure.calls import Call, Caller, InvocationHandle, InvocationName, WorkflowRun
from perdure.connections import Connections
from perdure.errors import CallError, StatusCode, UsageError
from perdure.exchange import Refusal, exchange
from perdure.metadata import metadata_of
from perdure.tls import Tls

INGRESS = "/perdure.ingress.v1.IngressService"
LONGEST_TIMEOUT = timedelta(days=365)

T = TypeVar("T")
Res = TypeVar("Res", bound=betterproto.Message)


class Client(Caller):
    """Calls handlers through the ingress of a runtime::

        async with perdure.Client("localhost:8080") as client:
            result = await OrderServiceClient(client).process(order, idempotency_key=order.id)

    It connects with its first call, and again after the runtime was away. A call goes out once: when its outcome is not
    known it raises ``CallError`` and is not repeated, since only the caller knows whether that is safe. With an
    idempotency key it is: the second call gets the result of the first.

    Any number of calls may be under way at once, of one event loop.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout: timedelta | None = None,
        tls: Tls | bool = False,
        token: str | Callable[[], str] = "",
    ) -> None:
        """Calls the runtime whose ingress is at "host:port" or "https://host:port".

        Args:
            address: Where the ingress listens; with "https://" it is called with TLS.
            timeout: How long each call waits for its result; None waits as long as it takes. The invocation goes on.
            tls: Calls with TLS: as it says, or with True as the system does.
            token: An API key, or a token of an identity provider; or what gives the token of the moment.

        Raises:
            UsageError: The address, the timeout or a file of TLS makes no sense.
        """
        where = parse_address(address)
        if timeout is not None and not timedelta(0) < timeout <= LONGEST_TIMEOUT:
            raise UsageError(f"a timeout of {timeout} makes no sense: give a positive one, or None to wait without end")
        self._timeout_s = None if timeout is None else timeout.total_seconds()
        if tls is True or (tls is False and where.tls):
            tls = Tls()
        context = tls.client_context() if isinstance(tls, Tls) else None
        self._connections = Connections(where.host, where.port, context, _token_of(token))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnects. Calls that still wait raise CallError; what was accepted goes on."""
        self._connections.close()

    def handle(self, invocation_id: str, response: type[Res]) -> InvocationHandle[Res]:
        """The handle of an invocation whose id is known, such as from a ``CallError``, and whose handler gives
        ``response``."""
        return InvocationHandle(self, invocation_id, partial(codec.decode, response))

    async def resolve_awakeable(self, awakeable_id: str, message: betterproto.Message) -> None:
        """Gives a handler what it waits for: ``message`` becomes the result of its ``ctx.awakeable(type(message))``.

        The first result stays: resolving again is safe, and changes nothing.

        Raises:
            TerminalError: NOT_FOUND: there is no such awakeable, or INVALID_ARGUMENT: it takes another message.
            CallError: Whether the awakeable has its result is not known.
        """
        request = ingress_pb2.ResolveAwakeableRequest(awakeable_id=awakeable_id, value=codec.encode(message))
        await self._tell("ResolveAwakeable", request)

    async def reject_awakeable(self, awakeable_id: str, message: str, code: StatusCode = StatusCode.UNKNOWN) -> None:
        """Tells a handler that what it waits for does not come: its awakeable raises a ``TerminalError``.

        Args:
            awakeable_id: Of the awakeable.
            message: The message of the error.
            code: The code of the error.

        Raises:
            TerminalError: NOT_FOUND: there is no such awakeable.
            CallError: Whether the awakeable has its result is not known.
            UsageError: The code is OK.
        """
        if code is StatusCode.OK:
            raise UsageError("an awakeable is not rejected with OK: resolve it, or give the code of an error")
        request = ingress_pb2.RejectAwakeableRequest(awakeable_id=awakeable_id, message=message, code=code.value)
        await self._tell("RejectAwakeable", request)

    async def _call(self, call: Call[T]) -> T:
        answer = await exchange(
            self._connections, _path(call), call.payload, metadata_of(call, one_way=False), self._timeout_s
        )
        return call.read(answer.message)

    async def _send(self, call: Call[T]) -> InvocationHandle[T]:
        answer = await exchange(
            self._connections, _path(call), call.payload, metadata_of(call, one_way=True), self._timeout_s
        )
        if not answer.invocation_id:
            raise CallError(
                f"{self._connections.address} took the message to {_path(call)} without saying its invocation id: "
                "is it the ingress of a perdure runtime?",
                StatusCode.INTERNAL,
            )
        return InvocationHandle(self, answer.invocation_id, call.read)

    async def _attach(self, name: InvocationName, read: Callable[[bytes], T]) -> T:
        return read(await self._result("Attach", name))

    async def _output(self, name: InvocationName, read: Callable[[bytes], T]) -> T | None:
        try:
            return read(await self._result("Output", name))
        except Refusal as refusal:
            if refusal.code is StatusCode.FAILED_PRECONDITION:
                return None
            raise

    async def _cancel(self, name: InvocationName) -> None:
        await self._tell("Cancel", _named(name), name)

    async def _signal(self, name: InvocationName, signal: str, payload: bytes) -> None:
        request = ingress_pb2.SignalRequest(invocation=_named(name), name=signal, value=payload)
        await self._tell("Signal", request, name)

    async def _result(self, method: str, name: InvocationName) -> bytes:
        return ingress_pb2.InvocationResult.FromString(await self._tell(method, _named(name), name)).value

    async def _tell(self, method: str, request: Message, name: InvocationName = "") -> bytes:
        answer = await exchange(
            self._connections,
            f"{INGRESS}/{method}",
            request.SerializeToString(),
            timeout_s=self._timeout_s,
            invocation_id=name if isinstance(name, str) else "",
        )
        return answer.message


def _token_of(token: str | Callable[[], str]) -> Callable[[], str] | None:
    if isinstance(token, str):
        return (lambda: token) if token else None
    return token


def _named(name: InvocationName) -> ingress_pb2.InvocationRequest:
    if isinstance(name, WorkflowRun):
        return ingress_pb2.InvocationRequest(workflow=ingress_pb2.Workflow(service=name.service, id=name.id))
    return ingress_pb2.InvocationRequest(invocation_id=name)


def _path(call: Call[T]) -> str:
    return f"/{call.service}/{call.handler}"
