"""What generated code says about a contract: its services and their handlers."""

import enum
from dataclasses import dataclass

import betterproto

from perdure.calls import Caller


class ServiceKind(enum.Enum):
    """The three kinds of contract."""

    SERVICE = "service"
    VIRTUAL_OBJECT = "virtual object"
    WORKFLOW = "workflow"


class HandlerKind(enum.Enum):
    """How a handler may run beside the other handlers of its key."""

    # A handler of a plain service: nothing to exclude.
    PLAIN = "plain"
    EXCLUSIVE = "exclusive"
    SHARED = "shared"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Handler:
    """One rpc of a contract.

    Attributes:
        name: Name of the rpc, such as "UpdateBalance".
        method: Name of the Python method, such as "update_balance".
        key_field: Objects and workflows: the attribute of the request that holds the key.
    """

    name: str
    method: str
    request: type[betterproto.Message]
    response: type[betterproto.Message]
    kind: HandlerKind = HandlerKind.PLAIN
    key_field: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A contract.

    Attributes:
        name: Full name, such as "shop.v1.UserAccount".
        state: Objects and workflows: the message whose fields are the state.
        context: What exclusive and run handlers get; None for the plain class of the kind.
        shared_context: What shared handlers get; None for the plain class of the kind.
    """

    name: str
    kind: ServiceKind
    handlers: tuple[Handler, ...]
    state: type[betterproto.Message] | None = None
    context: type[Caller] | None = None
    shared_context: type[Caller] | None = None

    def handler(self, name: str) -> Handler:
        """The handler of an rpc.

        Raises:
            KeyError: The contract has no such rpc.
        """
        for handler in self.handlers:
            if handler.name == name:
                return handler
        raise KeyError(f"{self.name} has no rpc {name!r}")
