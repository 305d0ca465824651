"""The client of the admin API: answers as they are, and refusals as sentences."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping

import pytest
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream
from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    Deployment,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
    RegisterDeploymentRequest,
)
from perdure_protos.perdure.admin.v1.invocations_pb2 import ResumeInvocationRequest, ResumeInvocationResponse
from perdure_runtime.admin.client import SERVICE, AdminClient, AdminRefused

ORDERS = Deployment(id="dp_1", addresses=["localhost:9080"], services=["shop.v1.Orders"], created_at_ms=5)


class FakeAdmin:
    """A node with one deployment, that registers nothing else."""

    def __mapping__(self) -> Mapping[str, Handler]:
        unary = Cardinality.UNARY_UNARY
        return {
            f"{SERVICE}/RegisterDeployment": Handler(self._register, unary, RegisterDeploymentRequest, Deployment),
            f"{SERVICE}/ListDeployments": Handler(self._list, unary, ListDeploymentsRequest, ListDeploymentsResponse),
            f"{SERVICE}/ResumeInvocation": Handler(
                self._resume, unary, ResumeInvocationRequest, ResumeInvocationResponse
            ),
        }

    async def _register(self, stream: Stream[RegisterDeploymentRequest, Deployment]) -> None:
        request = await stream.recv_message()
        assert request is not None
        if request.addresses != ORDERS.addresses:
            raise GRPCError(Status.FAILED_PRECONDITION, f"no perdure endpoint answers at {request.addresses[0]}")
        await stream.send_message(ORDERS)

    async def _list(self, stream: Stream[ListDeploymentsRequest, ListDeploymentsResponse]) -> None:
        await stream.recv_message()
        await stream.send_message(ListDeploymentsResponse(deployments=[ORDERS]))

    async def _resume(self, stream: Stream[ResumeInvocationRequest, ResumeInvocationResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        if request.invocation_id != "inv_1":
            raise GRPCError(Status.NOT_FOUND, "there is no such invocation")
        await stream.send_message(ResumeInvocationResponse())


def meet(story: Callable[[AdminClient], Coroutine[None, None, None]]) -> None:
    """Runs a story with a client of a node."""

    async def run() -> None:
        server = Server([FakeAdmin()])
        await server.start("127.0.0.1", 0)
        assert isinstance(server._server, asyncio.Server)
        try:
            await story(AdminClient("127.0.0.1", server._server.sockets[0].getsockname()[1]))
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(run())


def test_it_registers_and_lists_deployments() -> None:
    async def story(admin: AdminClient) -> None:
        assert await admin.register("localhost:9080") == ORDERS
        assert await admin.deployments() == [ORDERS]

    meet(story)


def test_it_resumes_invocations() -> None:
    async def story(admin: AdminClient) -> None:
        await admin.resume("inv_1")

    meet(story)


def test_what_the_node_refuses_is_its_sentence() -> None:
    async def story(admin: AdminClient) -> None:
        with pytest.raises(AdminRefused, match=r"^no perdure endpoint answers at localhost:1$"):
            await admin.register("localhost:1")
        with pytest.raises(AdminRefused, match=r"^there is no such invocation$"):
            await admin.resume("inv_2")

    meet(story)


def test_a_node_that_is_not_there_is_said_with_what_to_do() -> None:
    async def gone(admin: AdminClient) -> None:
        kept.append(admin)

    kept: list[AdminClient] = []
    meet(gone)
    with pytest.raises(AdminRefused, match="nobody listens there; start one with `perdure up`"):
        asyncio.run(kept[0].deployments())


def test_something_else_that_listens_is_refused() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            admin = AdminClient("127.0.0.1", server.sockets[0].getsockname()[1])
            with pytest.raises(AdminRefused, match="no perdure node answers"):
                await admin.deployments()

    asyncio.run(run())
