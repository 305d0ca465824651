"""The client of programs outside: scripts, web servers, tests."""

from datetime import timedelta
from types import TracebackType
from typing import Self

from perdure_protos.perdure.ingress.v1 import ingress_pb2

from perdure import codec
from perdure.address import parse_address
from perdure.calls import Call, Caller, InvocationHandle, Res
from perdure.connections import Connections
from perdure.errors import CallError, StatusCode, UsageError
from perdure.exchange import Refusal, exchange
from perdure.metadata import metadata_of

INGRESS = "/perdure.ingress.v1.IngressService"
LONGEST_TIMEOUT = timedelta(days=365)


class Client(Caller):
    """Calls handlers through the ingress of a runtime::

        async with perdure.Client("localhost:8080") as client:
            result = await OrderServiceClient(client).process(order, idempotency_key=order.id)

    It connects with its first call, and again after the runtime was away. A call goes out once: when its outcome is not
    known it raises ``CallError`` and is not repeated, since only the caller knows whether that is safe. With an
    idempotency key it is: the second call gets the result of the first.

    Any number of calls may be under way at once, of one event loop.
    """

    def __init__(self, address: str, *, timeout: timedelta | None = None) -> None:
        """Calls the runtime whose ingress is at "host:port" or "http://host:port".

        Args:
            address: Where the ingress listens.
            timeout: How long each call waits for its result; None waits as long as it takes. The invocation goes on.

        Raises:
            UsageError: The address or the timeout makes no sense.
        """
        host, port = parse_address(address)
        if timeout is not None and not timedelta(0) < timeout <= LONGEST_TIMEOUT:
            raise UsageError(f"a timeout of {timeout} makes no sense: give a positive one, or None to wait without end")
        self._timeout_s = None if timeout is None else timeout.total_seconds()
        self._connections = Connections(host, port)

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
        return InvocationHandle(self, invocation_id, response)

    async def _call(self, call: Call[Res]) -> Res:
        answer = await exchange(
            self._connections, _path(call), call.payload, metadata_of(call, one_way=False), self._timeout_s
        )
        return codec.decode(call.response, answer.message)

    async def _send(self, call: Call[Res]) -> InvocationHandle[Res]:
        answer = await exchange(
            self._connections, _path(call), call.payload, metadata_of(call, one_way=True), self._timeout_s
        )
        if not answer.invocation_id:
            raise CallError(
                f"{self._connections.address} took the message to {_path(call)} without saying its invocation id: "
                "is it the ingress of a perdure runtime?",
                StatusCode.INTERNAL,
            )
        return InvocationHandle(self, answer.invocation_id, call.response)

    async def _attach(self, invocation_id: str, response: type[Res]) -> Res:
        return codec.decode(response, await self._ask("Attach", invocation_id))

    async def _output(self, invocation_id: str, response: type[Res]) -> Res | None:
        try:
            return codec.decode(response, await self._ask("Output", invocation_id))
        except Refusal as refusal:
            if refusal.code is StatusCode.FAILED_PRECONDITION:
                return None
            raise

    async def _ask(self, method: str, invocation_id: str) -> bytes:
        request = ingress_pb2.InvocationRequest(invocation_id=invocation_id).SerializeToString()
        answer = await exchange(
            self._connections, f"{INGRESS}/{method}", request, timeout_s=self._timeout_s, invocation_id=invocation_id
        )
        return ingress_pb2.InvocationResult.FromString(answer.message).value


def _path(call: Call[Res]) -> str:
    return f"/{call.service}/{call.handler}"
