"""`perdure.ingress.v1.IngressService`: what callers ask about invocations that there are, and tell them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from grpclib.const import Status
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
)

from perdure_runtime.ingress.desk import Desk, value_of
from perdure_runtime.ingress.grpc import headers
from perdure_runtime.ingress.grpc.method import Header, Reply, Unary
from perdure_runtime.ingress.grpc.request import Req, read_request
from perdure_runtime.ingress.port import EndedInvocation, InvocationName, WorkflowId
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.trouble import shown

SERVICE = "perdure.ingress.v1.IngressService"


class IngressService:
    """Answers its rpcs. All raise Refusal."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def methods(self) -> Mapping[str, Unary]:
        """Its rpcs by path."""
        return {
            f"/{SERVICE}/Attach": _unary(InvocationRequest, self._attach),
            f"/{SERVICE}/Output": _unary(InvocationRequest, self._output),
            f"/{SERVICE}/Cancel": _unary(InvocationRequest, self._cancel),
            f"/{SERVICE}/Signal": _unary(SignalRequest, self._signal),
            f"/{SERVICE}/ResolveAwakeable": _unary(ResolveAwakeableRequest, self._resolve),
            f"/{SERVICE}/RejectAwakeable": _unary(RejectAwakeableRequest, self._reject),
        }

    async def _attach(self, request: InvocationRequest, timeout_s: float | None) -> Reply:
        return _result(await self._desk.attach(_name(request), timeout_s))

    async def _output(self, request: InvocationRequest, timeout_s: float | None) -> Reply:
        name = _name(request)
        ended = await self._desk.output(name)
        if ended is None:
            sentence = f"{shown(name)} has not ended yet; wait for it with {SERVICE}/Attach"
            raise Refusal(Status.FAILED_PRECONDITION, sentence)
        return _result(ended)

    async def _cancel(self, request: InvocationRequest, timeout_s: float | None) -> Reply:
        await self._desk.cancel(_name(request), timeout_s)
        return Reply(CancelResponse().SerializeToString())

    async def _signal(self, request: SignalRequest, timeout_s: float | None) -> Reply:
        await self._desk.signal(_name(request.invocation), request.name, request.value, timeout_s)
        return Reply(SignalResponse().SerializeToString())

    async def _resolve(self, request: ResolveAwakeableRequest, timeout_s: float | None) -> Reply:
        awaited = await self._desk.awaited(request.awakeable_id)
        if awaited is not None:
            awaited.check(request.value)
        await self._desk.resolve(request.awakeable_id, request.value, timeout_s)
        return Reply(ResolveAwakeableResponse().SerializeToString())

    async def _reject(self, request: RejectAwakeableRequest, timeout_s: float | None) -> Reply:
        await self._desk.reject(request.awakeable_id, request.message, _code(request.code), timeout_s)
        return Reply(RejectAwakeableResponse().SerializeToString())


def _unary(request_type: type[Req], do: Callable[[Req, float | None], Awaitable[Reply]]) -> Unary:
    async def answer(message: bytes, metadata: Sequence[Header], timeout_s: float | None) -> Reply:
        return await do(read_request(request_type, message), timeout_s)

    return Unary(answer)


def _name(request: InvocationRequest) -> InvocationName:
    match request.WhichOneof("invocation"):
        case "invocation_id":
            return request.invocation_id
        case "workflow":
            return WorkflowId(request.workflow.service, request.workflow.id)
        case None:
            raise Refusal(
                Status.INVALID_ARGUMENT,
                "the request names no invocation; set invocation_id, or workflow with its service and id",
            )


def _code(number: int) -> Status:
    """The status of a rejection. Raises Refusal."""
    try:
        return Status(number) if number else Status.UNKNOWN
    except ValueError:
        sentence = f"{number} is no status of gRPC; use 1 to 16, or 0 for UNKNOWN"
        raise Refusal(Status.INVALID_ARGUMENT, sentence) from None


def _result(ended: EndedInvocation) -> Reply:
    value = value_of(ended.outcome, ended.invocation_id)
    return Reply(InvocationResult(value=value).SerializeToString(), headers.invocation(ended.invocation_id))
