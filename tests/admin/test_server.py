"""The admin API over real sockets: what operators ask reaches the node, and what it refuses is a sentence."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import grpc
import grpc.aio
import pytest
from grpclib.client import Channel
from grpclib.const import Cardinality
from grpclib.exceptions import GRPCError
from grpclib.reflection.v1.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    Deployment,
    Divergence,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
)
from perdure_runtime.admin.client import SERVICE, AdminClient, AdminRefused
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.port import (
    DeploymentInUse,
    NotAccepted,
    NotPaused,
    RegistrationRefused,
    UnknownDeployment,
    UnknownInvocation,
    WrongStatus,
)
from perdure_runtime.storage.api import StorageFailure

from tests.admin.administration import FakeAdministration

REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
PATIENCE_S = 30

Story = Callable[[FakeAdministration, AdminServer, AdminClient], Coroutine[None, None, None]]


def meet(story: Story) -> None:
    """Runs a story with an operator at a server."""

    async def run() -> None:
        administration = FakeAdministration()
        server = AdminServer(AdminService(administration), "127.0.0.1", 0)
        await server.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await story(administration, server, AdminClient("127.0.0.1", server.port))
        finally:
            await server.close(0)

    asyncio.run(run())


def test_what_operators_ask_is_done() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        assert await admin.deployments() == []
        registered = await admin.register("localhost:9080")
        assert registered == Deployment(id="dp_1", addresses=["localhost:9080"])
        assert await admin.deployments() == [registered]

    meet(story)


def test_what_is_asked_of_deployments_is_done() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        await admin.register("localhost:9080", force=True)
        await admin.register("localhost:9080", verify=True)
        await admin.register("localhost:9080", "localhost:9081")
        await admin.join("dp_1", "localhost:9082")
        await admin.leave("dp_1", "localhost:9082")
        await admin.remove_deployment("dp_1")
        await admin.remove_deployment("dp_1", force=True)
        assert administration.done == [
            ("register", "localhost:9080", "force"),
            ("register", "localhost:9080", "verify"),
            ("register", "localhost:9080", "localhost:9081"),
            ("join", "dp_1", "localhost:9082"),
            ("leave", "dp_1", "localhost:9082"),
            ("remove", "dp_1"),
            ("remove", "dp_1", "force"),
        ]

    meet(story)


def test_an_endpoint_is_verified_with_as_many_journals_as_the_operator_says() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        administration.divergences = [Divergence(invocation_id="inv_1", handler="shop.v1.Orders/Process", message="no")]
        told = await admin.verify("localhost:9080", 7)
        assert told.replayed == 3
        assert list(told.divergences) == administration.divergences
        assert administration.done == [("verify", "localhost:9080", 7)]

    meet(story)


ASKED: dict[str, Callable[[AdminClient], Awaitable[None]]] = {
    "resume": lambda admin: admin.resume("inv_1"),
    "resume on_newest": lambda admin: admin.resume("inv_1", on_newest=True),
    "pause": lambda admin: admin.pause("inv_1"),
    "cancel": lambda admin: admin.cancel("inv_1"),
    "kill": lambda admin: admin.kill("inv_1"),
    "purge": lambda admin: admin.purge("inv_1"),
}


@pytest.mark.parametrize("what", ASKED)
def test_what_operators_ask_of_an_invocation_is_done(what: str) -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        await ASKED[what](admin)
        name, *flags = what.split()
        assert administration.done == [(name, "inv_1", *flags)]

    meet(story)


def test_an_invocation_restarts_from_the_entry_that_is_named_or_from_its_beginning() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        assert await admin.restart("inv_1", 4) == "inv_2"
        await admin.restart("inv_1")
        assert administration.done == [("restart", "inv_1", 4), ("restart", "inv_1", 0)]

    meet(story)


@pytest.mark.parametrize("what", ASKED)
def test_whatever_is_asked_of_an_invocation_that_nobody_knows_is_a_sentence(what: str) -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        administration.trouble = UnknownInvocation("inv_1")
        with pytest.raises(AdminRefused, match=r"^there is no invocation 'inv_1': it never existed"):
            await ASKED[what](admin)

    meet(story)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (RegistrationRefused("no endpoint answers at localhost:1"), "no endpoint answers at localhost:1"),
        (DeploymentInUse("dp_1 has begun inv_1"), "dp_1 has begun inv_1"),
        (UnknownDeployment("dp_7"), "there is no deployment 'dp_7'"),
        (NotPaused("inv_1 is running"), "inv_1 is running"),
        (WrongStatus("inv_1 has not ended; cancel it first"), "inv_1 has not ended; cancel it first"),
        (UnknownInvocation("inv_1"), "there is no invocation 'inv_1'"),
        (StorageFailure("the disk is full"), "the disk is full"),
        (NotAccepted("partition 7 has no owner"), "partition 7 has no owner"),
        (RuntimeError("secret"), "the runtime failed to answer; its log says why under error id"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_node_refuses_is_a_sentence_and_the_server_goes_on(trouble: Exception, says: str) -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        administration.trouble = trouble
        with pytest.raises(AdminRefused) as refused:
            await admin.resume("inv_1")
        assert str(refused.value).startswith(says)
        administration.trouble = None
        assert await admin.deployments() == []

    meet(story)


@pytest.mark.parametrize("method", ["DropEverything", ""])
def test_another_method_is_told_those_that_there_are(method: str) -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        async with Channel("127.0.0.1", server.port) as channel:
            unknown = channel.request(
                f"{SERVICE}/{method}", Cardinality.UNARY_UNARY, ListDeploymentsRequest, ListDeploymentsResponse
            )
            async with unknown as stream:
                await stream.send_message(ListDeploymentsRequest(), end=True)
                with pytest.raises(GRPCError, match=r"which has RegisterDeployment, .*, Query"):
                    await stream.recv_initial_metadata()

    meet(story)


def test_the_api_is_learnt_by_reflection_and_nothing_of_users_is_in_it() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        async with Channel("127.0.0.1", server.port) as channel:
            asking = channel.request(
                REFLECTION, Cardinality.STREAM_STREAM, ServerReflectionRequest, ServerReflectionResponse
            )
            async with asking as stream:
                await stream.send_message(ServerReflectionRequest(list_services="*"), end=True)
                answer = await stream.recv_message()
        assert answer is not None
        assert [service.name for service in answer.list_services_response.service] == [
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "perdure.admin.v1.AdminService",
        ]

    meet(story)


def test_closing_waits_for_what_runs() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        administration.free.clear()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            listing = channel.unary_unary(f"{SERVICE}/ListDeployments", bytes, bytes)(b"")
            await administration.asked.wait()
            closing = asyncio.create_task(server.close(60))
            await asyncio.sleep(0)
            administration.free.set()
            assert await listing == b""
            await closing

    meet(story)


def test_what_still_runs_when_the_grace_is_over_is_told_that_the_node_stops() -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        administration.free.clear()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            listing = channel.unary_unary(f"{SERVICE}/ListDeployments", bytes, bytes)(b"")
            await administration.asked.wait()
            await server.close(0)
            assert await listing.code() is grpc.StatusCode.UNAVAILABLE
            assert "the node stops" in str(await listing.details())
        with pytest.raises(AdminRefused, match="nobody listens there"):
            await admin.deployments()

    meet(story)


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\nX", b"GET / HTTP/7\r\n\r\n"])
def test_who_does_not_speak_http_is_closed_and_the_server_goes_on(said: bytes) -> None:
    async def story(administration: FakeAdministration, server: AdminServer, admin: AdminClient) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(said)
        await reader.read()
        writer.close()
        assert await admin.deployments() == []

    meet(story)
