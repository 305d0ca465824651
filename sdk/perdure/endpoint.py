"""The handlers that one process serves."""

import inspect
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import betterproto
from perdure_protos.perdure.protocol.v1.session_pb2 import DiscoverResponse

from perdure import codec
from perdure.context import Context, ObjectContext, SharedObjectContext
from perdure.errors import EndpointError
from perdure.handlers import Handlers
from perdure.service import Handler, HandlerKind, Service, ServiceKind
from perdure.signatures import Verifier
from perdure.threads import StepThreads
from perdure.workflow import WorkflowContext, WorkflowSharedContext

PROTOCOL_VERSION = 1


@dataclass(frozen=True, slots=True)
class BoundHandler:
    """A handler with the user's code for it.

    Attributes:
        name: Full name, such as "shop.v1.OrderService/Process".
        function: What runs.
        context: The class of what it gets.
    """

    name: str
    service: Service
    handler: Handler
    function: Callable[[Any, Any], Coroutine[Any, Any, betterproto.Message]]
    context: type[Context]


class Endpoint:
    """What a process serves: one instance of handlers for each service.

    Attributes:
        step_threads: Functions of steps that run in threads.
        verifier: Knows the nodes whose requests are taken; None where everybody's are.
    """

    def __init__(self, *handlers: Handlers, accept_from: Sequence[str] = (), known_as: Sequence[str] = ()) -> None:
        """Serves these handlers.

        Args:
            handlers: One instance for each service.
            accept_from: Public keys of nodes, as `perdure keys signing` prints them: requests that none of them has
                signed are refused. Several keys are for changing one: name the new one before nodes use it.
            known_as: Each "host:port" by which nodes know this endpoint: what is signed for another one is refused.

        Raises:
            EndpointError: They cannot be served; the message says why.
            UsageError: A public key is none.
        """
        if not handlers:
            raise EndpointError("an Endpoint needs handlers: Endpoint(OrderService(), Accounts())")
        self.step_threads = StepThreads()
        self.verifier = Verifier(accept_from, known_as) if accept_from else None
        self._handlers: dict[tuple[str, str], BoundHandler] = {}
        self._services: dict[str, Handlers] = {}
        for each in handlers:
            self._add(each)

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services."""
        return tuple(self._services)

    def find(self, service: str, handler: str) -> BoundHandler | None:
        """The code of a handler, None where this endpoint does not serve it."""
        return self._handlers.get((service, handler))

    def discovery(self) -> DiscoverResponse:
        """What a node that registers this endpoint gets to know."""
        return DiscoverResponse(
            protocol_version=PROTOCOL_VERSION,
            sdk_version=version("perdure"),
            services=self._services,
            descriptors=codec.descriptors(self._services),
        )

    def _add(self, handlers: Handlers) -> None:
        if isinstance(handlers, type):
            raise EndpointError(f"Endpoint got the class {handlers.__name__}: give an instance, {handlers.__name__}()")
        if not isinstance(handlers, Handlers) or not hasattr(handlers, "service"):
            raise EndpointError(
                f"Endpoint got a {type(handlers).__name__}: give instances of your subclasses of generated "
                "...Handlers classes"
            )
        service = handlers.service
        other = self._services.get(service.name)
        if other is not None:
            raise EndpointError(
                f"both {type(other).__name__} and {type(handlers).__name__} serve {service.name}: give one of them"
            )
        self._services[service.name] = handlers
        for handler in service.handlers:
            self._handlers[service.name, handler.name] = bind_handler(handlers, service, handler)


def bind_handler(handlers: Handlers, service: Service, handler: Handler) -> BoundHandler:
    """Finds the user's code of a handler.

    Raises:
        EndpointError: It is no coroutine function.
    """
    function = getattr(handlers, handler.method)
    if not inspect.iscoroutinefunction(function):
        raise EndpointError(f"{type(handlers).__name__}.{handler.method} must be a coroutine: write `async def`")
    return BoundHandler(
        name=f"{service.name}/{handler.name}",
        service=service,
        handler=handler,
        function=function,
        context=context_class(service, handler),
    )


def context_class(service: Service, handler: Handler) -> type[Context]:
    """The class of what a handler gets."""
    if service.kind is ServiceKind.SERVICE:
        return Context
    shared = handler.kind is HandlerKind.SHARED
    generated = service.shared_context if shared else service.context
    if generated is None and service.kind is ServiceKind.WORKFLOW:
        return WorkflowSharedContext if shared else WorkflowContext
    if generated is None:
        return SharedObjectContext if shared else ObjectContext
    if not issubclass(generated, Context):
        raise EndpointError(f"{generated.__name__} of {service.name} is no perdure.Context: generate the code again")
    return generated
