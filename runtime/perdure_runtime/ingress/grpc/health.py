"""`grpc.health.v1.Health`: the node serves a service from the moment that it is registered."""

from collections.abc import Mapping, Sequence

from grpclib.const import Status

from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.gate import permit_call
from perdure_runtime.ingress.grpc.catalog import Catalog
from perdure_runtime.ingress.grpc.method import Conversation, Header, Method, Reply, Streaming, Unary
from perdure_runtime.ingress.grpc.request import read_request
from perdure_runtime.ingress.grpc.standard import HealthCheckRequest, HealthCheckResponse
from perdure_runtime.ingress.refusal import Refusal

SERVICE = "grpc.health.v1.Health"


def health_methods(desk: Desk, catalog: Catalog) -> Mapping[str, Method]:
    """The methods by path."""
    health = Health(desk, catalog)
    stopping = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING).SerializeToString()
    return {f"/{SERVICE}/Check": Unary(health.check), f"/{SERVICE}/Watch": Streaming(health.watch, stopping)}


class Health:
    """The empty name stands for the node itself, which serves whoever can ask it.

    A node that stops takes no more questions; those who watch are told by the connection.
    """

    def __init__(self, desk: Desk, catalog: Catalog) -> None:
        self._desk = desk
        self._catalog = catalog

    async def check(self, message: bytes, metadata: Sequence[Header], timeout_s: float | None) -> Reply:
        """Whether a service is served. Raises Refusal."""
        name = read_request(HealthCheckRequest, message).service
        if not self._serves(name):
            raise Refusal(Status.NOT_FOUND, f"no service {name[:300]!r} is registered")
        return Reply(HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString())

    async def watch(self, conversation: Conversation) -> None:
        """Says whether a service is served, now and whenever that changes. Raises Refusal."""
        message = await conversation.receive()
        if message is None:
            raise Refusal(Status.INVALID_ARGUMENT, "the call carries no message")
        name = read_request(HealthCheckRequest, message).service
        said: bool | None = None
        while True:
            contracts = self._desk.contracts
            serves = self._serves(name)
            if serves is not said:
                said = serves
                status = HealthCheckResponse.SERVING if serves else HealthCheckResponse.SERVICE_UNKNOWN
                await conversation.send(HealthCheckResponse(status=status).SerializeToString())
            await self._desk.contracts_changed(contracts)

    def _serves(self, name: str) -> bool:
        if not name:
            return True
        # Whoever has not said who they are hears that the node serves, and not what.
        permit_call(name)
        return self._catalog.serves(name)
