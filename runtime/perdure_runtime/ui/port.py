"""What the pages ask of the node that serves them."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import Message

Answer = TypeVar("Answer", bound=Message)


class AdminApi(Protocol):
    """The rpcs of `perdure.admin.v1.AdminService`."""

    async def ask(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Asks an rpc by its name in the contract. Raises Refusal."""


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """A call of a handler with a request in JSON; ``one_way`` sends it without waiting for its end."""

    service: str
    handler: str
    request: str
    idempotency_key: str = ""
    one_way: bool = False


@dataclass(frozen=True, slots=True)
class HandlerAnswer:
    """The invocation that a call has become, and its response in JSON; empty for a one-way call."""

    invocation_id: str
    response: str


class Caller(Protocol):
    """The way into the ingress."""

    async def call(self, call: HandlerCall) -> HandlerAnswer:
        """Calls a handler as any caller does. Raises Refusal."""


class Login(Protocol):
    """Who may come in, where that is asked."""

    def check(self, credential: str) -> None:
        """Takes an API key or a token. Raises Refusal where it is none, with what to do."""
