"""The admin API as JSON: the same answers as by gRPC, errors as Connect writes them, and its description."""

import asyncio
import json

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from perdure_protos.perdure.admin.v1 import (
    cluster_pb2,
    definitions_pb2,
    deployments_pb2,
    invocations_pb2,
    state_pb2,
)
from perdure_runtime.admin.roles import LEAST_ROLES

from tests.admin.town import COUNTER, QUEST, TRIAL, Town, play

# What only looks, so that asking twice gives the same.
LOOKS: dict[str, Message] = {
    "ListDeployments": deployments_pb2.ListDeploymentsRequest(),
    "ListServices": deployments_pb2.ListServicesRequest(),
    "GetService": deployments_pb2.GetServiceRequest(name=COUNTER),
    "GetDescriptors": deployments_pb2.GetDescriptorsRequest(service=QUEST),
    "ListInvocations": invocations_pb2.ListInvocationsRequest(oldest_first=True),
    "CountInvocations": invocations_pb2.CountInvocationsRequest(),
    "GetInvocation": invocations_pb2.GetInvocationRequest(invocation_id="ID"),
    "GetJournal": invocations_pb2.GetJournalRequest(invocation_id="ID"),
    "GetCallTree": invocations_pb2.GetCallTreeRequest(invocation_id="ID"),
    "ListKeys": state_pb2.ListKeysRequest(service=COUNTER),
    "GetState": state_pb2.GetStateRequest(service=COUNTER, key="ada"),
    "ListAwakeables": state_pb2.ListAwakeablesRequest(),
    "ListSubscriptions": definitions_pb2.ListSubscriptionsRequest(),
    "ListSchedules": definitions_pb2.ListSchedulesRequest(),
    "GetCluster": cluster_pb2.GetClusterRequest(),
    "GetOverview": cluster_pb2.GetOverviewRequest(),
}


def test_all_that_looks_is_compared() -> None:
    assert {name for name in LEAST_ROLES if name.startswith(("List", "Get", "Count"))} == LOOKS.keys()


@pytest.mark.parametrize("method", LOOKS)
def test_an_answer_is_the_same_by_json_and_by_grpc(method: str) -> None:
    async def story(town: Town) -> None:
        id = await town.ended(await town.first("calls"))
        await town.ended(await town.add("ada", "payday"))
        await town.node.loop.flush()
        request = LOOKS[method]
        if "invocation_id" in request.DESCRIPTOR.fields_by_name and method.startswith("Get"):
            request = type(request)(invocation_id=id)
        rpc = town.service.rpcs[method]
        told = await town.admin.ask(method, request, rpc.response)
        status, answer = await town.json(method, request)
        assert status == 200
        assert json_format.ParseDict(answer, rpc.response()) == told
        assert answer == json_format.MessageToDict(told, preserving_proto_field_name=True)

    play(story)


def test_an_invocation_is_acted_on_by_json() -> None:
    async def story(town: Town) -> None:
        id = await town.first("waits")
        await town.until(id, "running")
        assert await town.json("PauseInvocation", json.dumps({"invocation_id": id})) == (200, {})
        assert (await town.admin.invocation(id)).status == "paused"
        assert await town.json("KillInvocation", json.dumps({"invocationId": id})) == (200, {})
        assert (await town.admin.invocation(id)).error.name == "ABORTED"

    play(story)


@pytest.mark.parametrize(
    ("method", "body", "status", "code", "says"),
    [
        ("GetInvocation", '{"invocation_id": "inv_1"}', 404, "not_found", "there is no invocation 'inv_1'"),
        ("ListInvocations", '{"filter": {"statuses": ["x"]}}', 400, "invalid_argument", "'x' is no status"),
        ("CountInvocations", '{"filter": {"min_age_ms": -5}}', 400, "invalid_argument", "min_age_ms is -5; write mill"),
        ("CountInvocations", '{"filter": {"max_age_ms": "-5"}}', 400, "invalid_argument", "max_age_ms is -5; write mi"),
        ("ListInvocations", '{"page_token": "?"}', 400, "invalid_argument", "page_token '?' is none of this list"),
        ("ListInvocations", '{"page_token": "WzFd"}', 400, "invalid_argument", "page_token 'WzFd' is none"),
        ("ListInvocations", '{"filtre": {}}', 400, "invalid_argument", "the body is no perdure.admin.v1.ListInv"),
        ("ListInvocations", "[]", 400, "invalid_argument", "it is no object"),
        ("ResumeInvocation", "{", 400, "invalid_argument", "the body is no perdure.admin.v1.ResumeInvocationRequest"),
        ("DropEverything", "{}", 404, "unimplemented", "which has RegisterDeployment, "),
        ("Query", '{"sql": "select 1"}', 501, "unimplemented", "this node answers no SQL"),
        ("RemoveDeployment", '{"id": "dp_7"}', 404, "not_found", "there is no deployment 'dp_7'"),
        ("GetService", '{"name": "x"}', 404, "not_found", f"there is no service 'x'; the services here are {COUNTER}"),
    ],
)
def test_an_error_says_what_is_wrong(method: str, body: str, status: int, code: str, says: str) -> None:
    async def story(town: Town) -> None:
        answered, error = await town.json(method, body)
        assert (answered, error["code"]) == (status, code)
        assert says in error["message"]

    play(story)


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("GET", "/perdure.admin.v1.AdminService/ListServices", "application/json", 405),
        ("POST", "/perdure.admin.v1.AdminService/ListServices", "text/plain", 415),
        ("POST", "/openapi.json", "application/json", 405),
        ("GET", "/nothing", "application/json", 404),
        ("GET", "/health", "application/json", 200),
        ("GET", "/", "application/json", 307),
    ],
)
def test_other_requests_have_their_status(method: str, path: str, content_type: str, status: int) -> None:
    async def story(town: Town) -> None:
        answered, _ = await town.http(method, path, content_type=content_type)
        assert answered == status

    play(story)


def test_a_body_that_is_too_large_is_refused() -> None:
    async def story(town: Town) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", town.server.port)
        head = "POST /perdure.admin.v1.AdminService/ListServices HTTP/1.1\r\nhost: localhost\r\n"
        writer.write(f"{head}content-type: application/json\r\ncontent-length: {2**40}\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"413"
        writer.close()

    play(story)


def test_serialised_messages_are_taken_too() -> None:
    async def story(town: Town) -> None:
        request = deployments_pb2.GetServiceRequest(name=TRIAL).SerializeToString().decode()
        path = "/perdure.admin.v1.AdminService/GetService"
        status, body = await town.http("POST", path, request, "application/proto")
        assert status == 200
        assert deployments_pb2.Service.FromString(body) == await town.admin.service(TRIAL)

    play(story)
