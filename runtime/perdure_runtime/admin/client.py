"""Asking a node: what the `perdure` command, tests and tools of operators use."""

import asyncio
from typing import TypeVar

from google.protobuf.message import Message
from grpclib.client import Channel
from grpclib.const import Cardinality
from grpclib.exceptions import GRPCError
from perdure_protos.perdure.admin.v1.admin_pb2 import (
    CancelInvocationRequest,
    CancelInvocationResponse,
    Deployment,
    DescribeInvocationRequest,
    DescribeInvocationResponse,
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
    VerifyDeploymentResponse,
)

SERVICE = "/perdure.admin.v1.AdminService"
# A node that registers an endpoint gives it some seconds to answer; this is longer.
TIMEOUT_S = 30.0

Res = TypeVar("Res", bound=Message)


class AdminRefused(Exception):
    """The node could not do it, or did not answer; the message says why and what to do."""


class AdminClient:
    """A client of the admin API of one node. It connects for each question. All methods raise AdminRefused."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def register(self, *addresses: str, force: bool = False, verify: bool = False) -> Deployment:
        """Asks the endpoint whose processes serve at each ``host:port`` for its services, and sends new invocations
        there."""
        request = RegisterDeploymentRequest(addresses=addresses, force=force, verify=verify)
        return await self._ask("RegisterDeployment", request, Deployment)

    async def join(self, deployment_id: str, address: str) -> Deployment:
        """Adds the process at ``host:port`` to a deployment."""
        return await self._ask("JoinDeployment", JoinDeploymentRequest(id=deployment_id, address=address), Deployment)

    async def leave(self, deployment_id: str, address: str) -> Deployment:
        """Takes the process at ``host:port`` out of a deployment; the others start again what it runs."""
        return await self._ask("LeaveDeployment", LeaveDeploymentRequest(id=deployment_id, address=address), Deployment)

    async def deployments(self) -> list[Deployment]:
        """All deployments, oldest first."""
        answer = await self._ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse)
        return list(answer.deployments)

    async def remove_deployment(self, deployment_id: str, *, force: bool = False) -> None:
        """Sends nothing to a deployment any more."""
        request = RemoveDeploymentRequest(id=deployment_id, force=force)
        await self._ask("RemoveDeployment", request, RemoveDeploymentResponse)

    async def verify(self, address: str, limit: int = 0) -> VerifyDeploymentResponse:
        """Replays journals on the endpoint at ``host:port``, without side effects; at most ``limit``, 0 for 100."""
        request = VerifyDeploymentRequest(address=address, limit=limit)
        return await self._ask("VerifyDeployment", request, VerifyDeploymentResponse)

    async def resume(self, invocation_id: str, *, on_newest: bool = False) -> None:
        """Tries a paused invocation again; ``on_newest`` with the newest deployment of its service."""
        request = ResumeInvocationRequest(invocation_id=invocation_id, on_newest=on_newest)
        await self._ask("ResumeInvocation", request, ResumeInvocationResponse)

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation where it is, until it is resumed."""
        request = PauseInvocationRequest(invocation_id=invocation_id)
        await self._ask("PauseInvocation", request, PauseInvocationResponse)

    async def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first; handlers undo what they did."""
        request = CancelInvocationRequest(invocation_id=invocation_id)
        await self._ask("CancelInvocation", request, CancelInvocationResponse)

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation and what it has called, at once and without their handlers."""
        request = KillInvocationRequest(invocation_id=invocation_id)
        await self._ask("KillInvocation", request, KillInvocationResponse)

    async def restart(self, invocation_id: str, from_entry: int = 0) -> str:
        """Runs an ended invocation again, and returns the id of the new one.

        What stands in the journal before the command at ``from_entry``, counted from 0, is kept.
        """
        request = RestartInvocationRequest(invocation_id=invocation_id, from_entry=from_entry)
        return (await self._ask("RestartInvocation", request, RestartInvocationResponse)).invocation_id

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation now."""
        request = PurgeInvocationRequest(invocation_id=invocation_id)
        await self._ask("PurgeInvocation", request, PurgeInvocationResponse)

    async def describe(self, invocation_id: str) -> DescribeInvocationResponse:
        """Shows an invocation and its journal."""
        request = DescribeInvocationRequest(invocation_id=invocation_id)
        return await self._ask("DescribeInvocation", request, DescribeInvocationResponse)

    async def _ask(self, method: str, request: Message, response: type[Res]) -> Res:
        channel = Channel(self._host, self._port)
        stream = channel.request(f"{SERVICE}/{method}", Cardinality.UNARY_UNARY, type(request), response)
        try:
            async with asyncio.timeout(TIMEOUT_S), stream:
                await stream.send_message(request, end=True)
                answer = await stream.recv_message()
        except GRPCError as error:
            raise AdminRefused(error.message or error.status.name) from error
        except Exception as error:
            # What listens there may be anything, and answer anything.
            raise AdminRefused(self._no_answer(error)) from error
        finally:
            channel.close()
        if answer is None:
            raise AdminRefused(f"{self._host}:{self._port} gave no answer to {method}: is it the admin API of a node?")
        return answer

    def _no_answer(self, error: Exception) -> str:
        if isinstance(error, ConnectionRefusedError):
            reason = "nobody listens there"
        elif isinstance(error, TimeoutError):
            reason = f"it has not answered within {TIMEOUT_S:g} s"
        else:
            reason = str(error) or type(error).__name__
        return (
            f"no perdure node answers at {self._host}:{self._port}: {reason}; start one with `perdure up`, or name the "
            "one that runs with --admin HOST:PORT"
        )
