"""The admin API of a node: `perdure.admin.v1`, over gRPC."""

from collections.abc import Awaitable, Callable, Sequence

from google.protobuf.message import Message
from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import admin_pb2
from perdure_protos.perdure.admin.v1.admin_pb2 import (
    CancelInvocationRequest,
    CancelInvocationResponse,
    DescribeInvocationRequest,
    JoinDeploymentRequest,
    KillInvocationRequest,
    KillInvocationResponse,
    LeaveDeploymentRequest,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
    PauseInvocationRequest,
    PauseInvocationResponse,
    PurgeInvocationRequest,
    PurgeInvocationResponse,
    RegisterDeploymentRequest,
    RemoveDeploymentRequest,
    RemoveDeploymentResponse,
    RestartInvocationRequest,
    RestartInvocationResponse,
    ResumeInvocationRequest,
    ResumeInvocationResponse,
    VerifyDeploymentRequest,
)

from perdure_runtime.ingress.grpc import (
    Catalog,
    GrpcConnection,
    Header,
    Method,
    Reply,
    Req,
    Unary,
    read_request,
    reflection_methods,
    standard,
)
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.listener import Listener
from perdure_runtime.ingress.port import (
    Administration,
    DeploymentInUse,
    NotAccepted,
    RegistrationRefused,
    UnknownDeployment,
    UnknownInvocation,
    WrongStatus,
)
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.storage.api import StorageFailure

SERVICE = "/perdure.admin.v1.AdminService"


class AdminServer:
    """Serves operators on one address."""

    def __init__(self, administration: Administration, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Serves what ``administration`` does; port 0 lets the system choose.

        With ``reuse_port`` other processes may serve the same address.
        """
        self._administration = administration
        self._limits = Limits()
        self._buffered = Buffered(self._limits.buffered_bytes)
        self._listener = Listener(host, port, self._connect, self._limits.greeting_s, reuse_port=reuse_port)
        self._methods: dict[str, Method] = {
            f"{SERVICE}/RegisterDeployment": _unary(RegisterDeploymentRequest, self._register),
            f"{SERVICE}/JoinDeployment": _unary(JoinDeploymentRequest, self._join),
            f"{SERVICE}/LeaveDeployment": _unary(LeaveDeploymentRequest, self._leave),
            f"{SERVICE}/ListDeployments": _unary(ListDeploymentsRequest, self._deployments),
            f"{SERVICE}/RemoveDeployment": _unary(RemoveDeploymentRequest, self._remove),
            f"{SERVICE}/VerifyDeployment": _unary(VerifyDeploymentRequest, self._verify),
            f"{SERVICE}/ResumeInvocation": _unary(ResumeInvocationRequest, self._resume),
            f"{SERVICE}/PauseInvocation": _unary(PauseInvocationRequest, self._pause),
            f"{SERVICE}/CancelInvocation": _unary(CancelInvocationRequest, self._cancel),
            f"{SERVICE}/KillInvocation": _unary(KillInvocationRequest, self._kill),
            f"{SERVICE}/RestartInvocation": _unary(RestartInvocationRequest, self._restart),
            f"{SERVICE}/PurgeInvocation": _unary(PurgeInvocationRequest, self._purge),
            f"{SERVICE}/DescribeInvocation": _unary(DescribeInvocationRequest, self._describe),
            **reflection_methods(Catalog((admin_pb2.DESCRIPTOR, *standard.REFLECTION_FILES))),
        }

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self._listener.port

    async def start(self) -> None:
        """Listens. Raises OSError."""
        await self._listener.start()

    async def close(self, grace_s: float) -> None:
        """Lets nobody in any more, and waits so long for calls that run."""
        await self._listener.close(grace_s)

    def _connect(self, is_http2: bool) -> GrpcConnection:
        # Operators speak gRPC only: what is no HTTP/2 is told so, and closed, by the same protocol.
        return GrpcConnection(self._route, self._limits, self._buffered, self._listener.lose)

    def _route(self, path: str) -> Method:
        method = self._methods.get(path)
        if method is None:
            known = ", ".join(name.rpartition("/")[2] for name in self._methods if name.startswith(SERVICE))
            raise Refusal(Status.UNIMPLEMENTED, f"{path[:300]!r} is not part of the admin API, which has {known}")
        return method

    async def _register(self, request: RegisterDeploymentRequest) -> Message:
        return await self._administration.register(request.addresses, force=request.force, verify=request.verify)

    async def _join(self, request: JoinDeploymentRequest) -> Message:
        return await self._administration.join(request.id, request.address)

    async def _leave(self, request: LeaveDeploymentRequest) -> Message:
        return await self._administration.leave(request.id, request.address)

    async def _deployments(self, request: ListDeploymentsRequest) -> Message:
        return ListDeploymentsResponse(deployments=await self._administration.deployments())

    async def _remove(self, request: RemoveDeploymentRequest) -> Message:
        await self._administration.remove(request.id, force=request.force)
        return RemoveDeploymentResponse()

    async def _verify(self, request: VerifyDeploymentRequest) -> Message:
        return await self._administration.verify(request.address, request.limit)

    async def _resume(self, request: ResumeInvocationRequest) -> Message:
        await self._administration.resume(request.invocation_id, on_newest=request.on_newest)
        return ResumeInvocationResponse()

    async def _pause(self, request: PauseInvocationRequest) -> Message:
        await self._administration.pause(request.invocation_id)
        return PauseInvocationResponse()

    async def _cancel(self, request: CancelInvocationRequest) -> Message:
        await self._administration.cancel(request.invocation_id)
        return CancelInvocationResponse()

    async def _kill(self, request: KillInvocationRequest) -> Message:
        await self._administration.kill(request.invocation_id)
        return KillInvocationResponse()

    async def _restart(self, request: RestartInvocationRequest) -> Message:
        new = await self._administration.restart(request.invocation_id, request.from_entry)
        return RestartInvocationResponse(invocation_id=new)

    async def _purge(self, request: PurgeInvocationRequest) -> Message:
        await self._administration.purge(request.invocation_id)
        return PurgeInvocationResponse()

    async def _describe(self, request: DescribeInvocationRequest) -> Message:
        return await self._administration.describe(request.invocation_id)


def _unary(request_type: type[Req], do: Callable[[Req], Awaitable[Message]]) -> Unary:
    async def answer(message: bytes, metadata: Sequence[Header], timeout_s: float | None) -> Reply:
        request = read_request(request_type, message)
        try:
            return Reply((await do(request)).SerializeToString())
        except UnknownDeployment as error:
            raise Refusal(Status.NOT_FOUND, f"there is no deployment {str(error)[:100]!r}") from error
        except (RegistrationRefused, DeploymentInUse, WrongStatus) as error:
            raise Refusal(Status.FAILED_PRECONDITION, str(error)) from error
        except UnknownInvocation as error:
            sentence = f"there is no invocation {str(error)[:100]!r}: it never existed, or its retention is over"
            raise Refusal(Status.NOT_FOUND, sentence) from error
        except (StorageFailure, NotAccepted) as error:
            raise Refusal(Status.UNAVAILABLE, str(error)) from error

    return Unary(answer)
