"""A caller of the runtime's own gRPC service, with the client that people have."""

from typing import TypeVar

import grpc
from google.protobuf.message import Message
from perdure_protos.perdure.ingress.v1.ingress_pb2 import (
    CancelResponse,
    InvocationRequest,
    InvocationResult,
    RejectAwakeableRequest,
    RejectAwakeableResponse,
    ResolveAwakeableRequest,
    ResolveAwakeableResponse,
    SignalRequest,
    SignalResponse,
    Workflow,
)

Res = TypeVar("Res", bound=Message)
TIMEOUT_S = 20.0


class GrpcCaller:
    """Asks perdure.ingress.v1.IngressService. All methods raise grpc.RpcError."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def attach(self, name: InvocationRequest) -> bytes:
        """Waits for a result."""
        return self._ask("Attach", name, InvocationResult).value

    def output(self, name: InvocationRequest) -> bytes:
        """Looks at a result."""
        return self._ask("Output", name, InvocationResult).value

    def cancel(self, name: InvocationRequest) -> None:
        """Asks an invocation to end."""
        self._ask("Cancel", name, CancelResponse)

    def signal(self, name: InvocationRequest, signal: str, value: bytes) -> None:
        """Gives a signal."""
        self._ask("Signal", SignalRequest(invocation=name, name=signal, value=value), SignalResponse)

    def resolve(self, awakeable_id: str, value: bytes) -> None:
        """Resolves an awakeable."""
        request = ResolveAwakeableRequest(awakeable_id=awakeable_id, value=value)
        self._ask("ResolveAwakeable", request, ResolveAwakeableResponse)

    def reject(self, awakeable_id: str, message: str, code: int) -> None:
        """Rejects an awakeable."""
        request = RejectAwakeableRequest(awakeable_id=awakeable_id, message=message, code=code)
        self._ask("RejectAwakeable", request, RejectAwakeableResponse)

    def _ask(self, method: str, request: Message, response: type[Res]) -> Res:
        path = f"/perdure.ingress.v1.IngressService/{method}"
        ask = self._channel.unary_unary(path, type(request).SerializeToString, response.FromString)
        answer: Res = ask(request, timeout=TIMEOUT_S)
        return answer


def by_id(invocation_id: str) -> InvocationRequest:
    """An invocation by its id."""
    return InvocationRequest(invocation_id=invocation_id)


def by_workflow(service: str, id: str) -> InvocationRequest:
    """The run of a workflow."""
    return InvocationRequest(workflow=Workflow(service=service, id=id))
