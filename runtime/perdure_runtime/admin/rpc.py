"""The rpcs of the admin API: which method of which room answers each, and how its troubles are told.

A room is a class with the rpcs of one resource. Each is an async method marked with ``rpc`` that takes the request of
the contract, gives its response, and raises Refusal.
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import admin_pb2

from perdure_runtime.admin.gate import permit_rpc
from perdure_runtime.admin.roles import LEAST_ROLES
from perdure_runtime.admin.text import check_text
from perdure_runtime.ingress.port import (
    DeploymentInUse,
    NotAccepted,
    RegistrationRefused,
    UnknownAwakeable,
    UnknownDeployment,
    UnknownInvocation,
    WrongStatus,
)
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.trouble import refusal_of
from perdure_runtime.security.principal import Role
from perdure_runtime.storage.api import StorageFailure

SERVICE = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
MARK = "__is_rpc__"

Room = TypeVar("Room")
Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


@dataclass(frozen=True, slots=True)
class Rpc:
    """One rpc, by its ``name`` in the contract. ``words`` say what it does.

    ``role`` is the least that may call it: ``answer`` refuses callers who have a lesser one.
    """

    name: str
    request: type[Message]
    response: type[Message]
    role: Role
    words: str
    answer: Callable[[Any], Awaitable[Message]]

    @property
    def path(self) -> str:
        """Where gRPC and JSON callers find it."""
        return path_of(self.name)


def path_of(name: str) -> str:
    """The path of an rpc."""
    return f"/{SERVICE.full_name}/{name}"


def rpc(
    method: Callable[[Room, Req], Awaitable[Res]],
) -> Callable[[Room, Req], Coroutine[Any, Any, Res]]:
    """Marks a method of a room as an rpc: what the node says against it becomes a Refusal."""

    @functools.wraps(method)
    async def answer(room: Room, request: Req) -> Res:
        try:
            return await method(room, request)
        except (RegistrationRefused, DeploymentInUse, WrongStatus) as error:
            raise Refusal(Status.FAILED_PRECONDITION, str(error)) from error
        except UnknownDeployment as error:
            raise Refusal(Status.NOT_FOUND, f"there is no deployment {str(error)[:100]!r}") from error
        except (UnknownInvocation, UnknownAwakeable) as error:
            raise refusal_of(error, str(error)) from error
        except (StorageFailure, NotAccepted) as error:
            raise Refusal(Status.UNAVAILABLE, str(error)) from error

    setattr(answer, MARK, True)
    return answer


def rpcs_of(rooms: Iterable[object]) -> Mapping[str, Rpc]:
    """All rpcs of the contract by name. Raises RuntimeError where a room answers none of it, or none answers one."""
    answers = {method.__name__: method for room in rooms for method in _marked(room)}
    found = {method.name: _rpc(method, answers.pop(_snake(method.name), None)) for method in SERVICE.methods}
    if answers:
        raise RuntimeError(f"the contract has no rpc for {', '.join(sorted(answers))}")
    return found


def _rpc(method: MethodDescriptor, answer: Callable[[Any], Awaitable[Message]] | None) -> Rpc:
    if answer is None:
        raise RuntimeError(f"no room answers {method.name}: it needs an async method {_snake(method.name)}, marked rpc")
    least, known = LEAST_ROLES[method.name], answer

    async def permitted(request: Message) -> Message:
        permit_rpc(method.name, least)
        check_text(request)
        return await known(request)

    return Rpc(
        name=method.name,
        request=GetMessageClass(method.input_type),
        response=GetMessageClass(method.output_type),
        role=least,
        words=" ".join((answer.__doc__ or "").split()),
        answer=permitted,
    )


def _marked(room: object) -> Iterator[Any]:
    for name, value in vars(type(room)).items():
        if getattr(value, MARK, False):
            yield getattr(room, name)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
