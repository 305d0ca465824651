"""What the runtime knows about one service and its handlers."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Mode


class ServiceKind(enum.Enum):
    """The three kinds of contract."""

    SERVICE = "service"
    VIRTUAL_OBJECT = "virtual object"
    WORKFLOW = "workflow"


class HandlerKind(enum.Enum):
    """How a handler runs beside the others of its key; all handlers of a plain service are SHARED."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """Times at which the runtime calls a handler by itself: ``cron``, or ``interval_ms``, which else is 0.

    ``request`` is JSON; ``catch_up`` is the name of the contract's enum value, empty where it says nothing.
    """

    name: str
    cron: str
    interval_ms: int
    time_zone: str
    request: str
    jitter_ms: int
    catch_up: str


@dataclass(frozen=True, slots=True, eq=False)
class HandlerFacts:
    """One rpc of a contract.

    ``mode`` says how it runs beside the other handlers of its key. ``request`` and ``response`` are upb classes of the
    deployment's own pool. ``key_field`` names the string field of the request that holds the key: None for services.
    """

    service: str
    name: str
    service_kind: ServiceKind
    kind: HandlerKind
    mode: Mode
    public: bool
    request: type[Message]
    response: type[Message]
    key_field: str | None
    execution: Execution
    descriptors: Descriptors
    schedules: tuple[ScheduleFacts, ...] = ()

    @property
    def path(self) -> str:
        """The path that gRPC and JSON callers call, such as "/shop.v1.OrderService/Process"."""
        return f"/{self.service}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class ServiceFacts:
    """One service of a deployment. ``public`` is what its handlers are that say nothing themselves.

    ``state`` is the message whose fields are the state of a key, ``promises`` are the messages of a workflow's promises
    by name; of a name that its descriptors do not have it is None.
    """

    name: str
    kind: ServiceKind
    public: bool
    handlers: Mapping[str, HandlerFacts]
    descriptors: Descriptors
    state: Descriptor | None = None
    promises: Mapping[str, Descriptor | None] = field(default_factory=dict)

    @property
    def run(self) -> HandlerFacts | None:
        """The run of a workflow; None for other kinds."""
        return next((handler for handler in self.handlers.values() if handler.kind is HandlerKind.RUN), None)

    @property
    def visible(self) -> bool:
        """Whether callers from outside may know of it: at least one of its handlers is public."""
        return any(handler.public for handler in self.handlers.values())
