"""What gRPC callers can call: the handlers of all contracts, and the services that come with the node."""

from collections.abc import Sequence

from perdure_protos.perdure.ingress.v1 import ingress_pb2

from perdure_runtime.contracts import HandlerFacts
from perdure_runtime.ingress.desk import Desk, parse
from perdure_runtime.ingress.grpc import headers, health, reflection, standard
from perdure_runtime.ingress.grpc.catalog import Catalog
from perdure_runtime.ingress.grpc.invocations import IngressService
from perdure_runtime.ingress.grpc.method import Header, Method, Reply, Router, Unary
from perdure_runtime.ingress.wishes import read_wishes


def router_for(desk: Desk) -> Router:
    """Routes to the handlers that the desk knows at the time of a call."""
    return UserServices(desk)


class UserServices:
    """Finds methods by path; those of handlers are made once for each registered contract."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        catalog = Catalog(
            (ingress_pb2.DESCRIPTOR, standard.HEALTH_FILE, *standard.REFLECTION_FILES), lambda: desk.contracts
        )
        self._own: dict[str, Method] = {
            **IngressService(desk).methods(),
            **health.health_methods(desk, catalog),
            **reflection.reflection_methods(catalog),
        }
        self._made: dict[str, tuple[HandlerFacts, Unary]] = {}

    def __call__(self, path: str) -> Method:
        """The method at a path. Raises Refusal."""
        own = self._own.get(path)
        if own is not None:
            return own
        handler = self._desk.handler(path)
        made = self._made.get(path)
        if made is None or made[0] is not handler:
            made = (handler, Unary(HandlerCall(self._desk, handler).answer))
            self._made[path] = made
        return made[1]


class HandlerCall:
    """Calls of one handler."""

    def __init__(self, desk: Desk, handler: HandlerFacts) -> None:
        self._desk = desk
        self._handler = handler

    async def answer(self, message: bytes, metadata: Sequence[Header], timeout_s: float | None) -> Reply:
        """One call. A one-way send is answered with an empty response. Raises Refusal."""
        wishes = read_wishes(metadata)
        request = parse(self._handler, message)
        answer = await self._desk.call(self._handler, request, message, wishes, timeout_s)
        return Reply(answer.value or b"", headers.invocation(answer.invocation_id))
