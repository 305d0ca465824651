"""All services that a node serves, by full name."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from perdure_protos.perdure.protocol.v1.session_pb2 import DiscoverResponse

from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.contracts.error import ContractError
from perdure_runtime.contracts.facts import HandlerFacts, ServiceFacts
from perdure_runtime.contracts.reading import read_service
from perdure_runtime.partition.policy import DEFAULT, Execution


class Contracts(Mapping[str, ServiceFacts]):
    """Immutable: a new deployment gives new contracts by ``merged``."""

    __slots__ = ("_handlers", "_services")

    def __init__(self, services: Iterable[ServiceFacts] = ()) -> None:
        """Of two services with one name the later is kept."""
        self._services = {service.name: service for service in services}
        self._handlers = MappingProxyType(
            {handler.path: handler for service in self._services.values() for handler in service.handlers.values()}
        )

    @classmethod
    def described(cls, descriptors: bytes, services: Iterable[str], default: Execution = DEFAULT) -> "Contracts":
        """Reads services from a serialised FileDescriptorSet; ``default`` is what they leave out.

        Raises ContractError.
        """
        names = list(services)
        if not names:
            raise ContractError("the endpoint serves no services; give perdure.Endpoint at least one")
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ContractError(f"the endpoint serves {', '.join(twice)} more than once; give each service one class")
        linked = Descriptors(descriptors)
        return cls(read_service(linked, name, default) for name in names)

    @classmethod
    def discovered(cls, response: DiscoverResponse, default: Execution = DEFAULT) -> "Contracts":
        """Reads what an endpoint said of itself; ``default`` is what it leaves out. Raises ContractError."""
        return cls.described(response.descriptors, response.services, default)

    def merged(self, *newer: "Contracts") -> "Contracts":
        """These and newer ones; of each service the newest."""
        return Contracts(service for contracts in (self, *newer) for service in contracts.values())

    @property
    def handlers(self) -> Mapping[str, HandlerFacts]:
        """All handlers by path, such as "/shop.v1.OrderService/Process"."""
        return self._handlers

    def __getitem__(self, name: str) -> ServiceFacts:
        return self._services[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._services)

    def __len__(self) -> int:
        return len(self._services)
