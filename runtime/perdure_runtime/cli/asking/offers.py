"""What there is at a node, for those who type its name."""

import json
from collections.abc import Callable

from google.protobuf.message import Message
from perdure_protos.perdure.admin.v1.definitions_pb2 import (
    ListSchedulesRequest,
    ListSchedulesResponse,
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
)
from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    GetServiceRequest,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
    ListServicesRequest,
    ListServicesResponse,
    Service,
)
from perdure_protos.perdure.admin.v1.invocations_pb2 import ListInvocationsRequest, ListInvocationsResponse
from perdure_protos.perdure.admin.v1.state_pb2 import ListKeysRequest, ListKeysResponse

from perdure_runtime.cli.asking.node import Res, ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.problem import Problem

# Nobody waits longer for a prompt.
PATIENCE_S = 1.0


def silently(wanted: Callable[[], list[str]]) -> list[str]:
    """What is wanted, or nothing where a node does not say."""
    try:
        return wanted()
    except Problem:
        return []


class Offers:
    """Names that begin as they are typed. All methods raise Problem."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def services(self, begun: str) -> list[str]:
        """Full names of services."""
        return [service.name for service in self._services().services if service.name.startswith(begun)]

    def handlers(self, begun: str) -> list[str]:
        """Handlers, as ``package.Service/Method``."""
        names = (
            f"{service.name}/{handler.name}" for service in self._services().services for handler in service.handlers
        )
        return [name for name in names if name.startswith(begun)]

    def request(self, handler: str, begun: str) -> list[str]:
        """A request that has every field of the handler's message."""
        service, _, method = handler.partition("/")
        known = self._ask(GetServiceRequest(name=service), Service)
        examples = (_in_one_line(each.request_example) for each in known.handlers if each.name == method)
        return [example for example in examples if example and example.startswith(begun)]

    def deployments(self, begun: str) -> list[str]:
        """Ids of deployments."""
        answer = self._ask(ListDeploymentsRequest(), ListDeploymentsResponse)
        return [each.id for each in answer.deployments if each.id.startswith(begun)]

    def invocations(self, begun: str, most: int) -> list[str]:
        """Ids of the newest invocations."""
        request = ListInvocationsRequest(page_size=most)
        answer = self._ask(request, ListInvocationsResponse)
        return [each.id for each in answer.invocations if each.id.startswith(begun)]

    def keys(self, service: str, begun: str, most: int) -> list[str]:
        """Keys of an object or workflow that have state."""
        request = ListKeysRequest(service=service, prefix=begun, page_size=most)
        return list(self._ask(request, ListKeysResponse).keys)

    def subscriptions(self, begun: str) -> list[str]:
        """Names of subscriptions."""
        answer = self._ask(ListSubscriptionsRequest(), ListSubscriptionsResponse)
        return [each.name for each in answer.subscriptions if each.name.startswith(begun)]

    def schedules(self, begun: str) -> list[str]:
        """Names of schedules."""
        answer = self._ask(ListSchedulesRequest(), ListSchedulesResponse)
        return [each.name for each in answer.schedules if each.name.startswith(begun)]

    def _services(self) -> ListServicesResponse:
        return self._ask(ListServicesRequest(), ListServicesResponse)

    def _ask(self, request: Message, response: type[Res]) -> Res:
        return ask(self._connection, request, response, PATIENCE_S)


def _in_one_line(example: str) -> str:
    return json.dumps(json.loads(example), ensure_ascii=False) if example else ""
