"""The ingress: gRPC and JSON on one port, one way and later, results by invocation id, and what goes wrong."""

import asyncio
from datetime import timedelta

import grpc
import perdure
import pytest
from conformance.v1 import (
    AwakenerClient,
    DiaryClient,
    Durations,
    FactsClient,
    FailingClient,
    Failure,
    Key,
    KeyText,
    ListenerClient,
    Listening,
    LockClient,
    Nothing,
    SleeperClient,
    Text,
    Texts,
)
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.conformance.grpc_caller import GrpcCaller, by_id
from tests.conformance.json_caller import JsonCaller
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature
TIMEOUT = timedelta(seconds=20)


@feature("any gRPC client calls")
def test_a_stock_grpc_client_calls_a_handler(grpc_channel: grpc.Channel, scene: str) -> None:
    append = grpc_channel.unary_unary("/conformance.v1.Diary/Append", bytes, bytes)

    answer, call = append.with_call(bytes(KeyText(key=scene, text="by grpc")), timeout=20)

    assert Texts().parse(answer).texts == ["by grpc"]
    named = dict([*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())])
    assert str(named["perdure-invocation-id"]).startswith("inv_")


@feature("server reflection and health")
def test_a_stock_grpc_client_finds_the_contract_by_reflection(grpc_channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(grpc_channel)

    assert "conformance.v1.Diary" in database.get_services()
    file = database.FindFileContainingSymbol("conformance.v1.Diary")
    assert any(service.name == "Diary" for service in file.service)


@feature("server reflection and health")
def test_a_stock_grpc_client_asks_for_health(grpc_channel: grpc.Channel) -> None:
    request, response = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    check = grpc_channel.unary_unary("/grpc.health.v1.Health/Check", request.SerializeToString, response.FromString)

    assert check(request(), timeout=20).status == response.SERVING


@feature("JSON over HTTP")
def test_http_calls_a_handler_with_json(caller: JsonCaller, scene: str) -> None:
    answer = caller.post("/conformance.v1.Diary/Append", {"key": scene, "text": "by http"})

    assert (answer.status, answer.value) == (200, {"texts": ["by http"]})
    assert answer.headers["content-type"] == "application/json"


@feature("JSON over HTTP")
def test_json_that_is_no_such_message_is_refused_with_the_reason(caller: JsonCaller) -> None:
    answer = caller.post("/conformance.v1.Diary/Append", {"key": "k", "txet": "by http"})

    assert (answer.status, answer.value["code"]) == (400, "invalid_argument")
    assert "txet" in answer.value["message"]


@feature("JSON over HTTP")
def test_a_request_without_its_key_is_refused(caller: JsonCaller) -> None:
    answer = caller.post("/conformance.v1.Diary/Append", {"text": "whose?"})

    assert (answer.status, answer.value["code"]) == (400, "invalid_argument")
    assert "key" in answer.value["message"]


@feature("JSON over HTTP")
def test_a_handler_that_does_not_exist_is_not_found(caller: JsonCaller) -> None:
    assert caller.post("/conformance.v1.Diary/Burn").status == 404


@feature("invocation id in every answer")
def test_every_answer_names_its_invocation(client: perdure.SyncClient, caller: JsonCaller, scene: str) -> None:
    answer = caller.post("/conformance.v1.Diary/Append", {"key": scene, "text": "a"})

    named = answer.headers["perdure-invocation-id"]
    assert client.handle(named, Texts).attach().texts == ["a"]


@feature("invocation id in every answer")
def test_an_answer_that_is_an_error_names_its_invocation(caller: JsonCaller) -> None:
    answer = caller.post("/conformance.v1.Failing/End", {"code": 9, "message": "no", "detail": "nobody looks"})

    assert answer.headers["perdure-invocation-id"].startswith("inv_")


@feature("send and delayed send from outside")
def test_http_sends_and_attaches_and_reads_the_output(caller: JsonCaller, stage: Stage, scene: str) -> None:
    sent = caller.post("/conformance.v1.Lock/Hold", {"key": scene}, perdure_mode="send")
    path = f"/invocations/{sent.value['invocationId']}"
    assert sent.status == 202
    assert caller.get(f"{path}/output").status == 409
    stage.answer(scene, "hold", "free")

    assert caller.get(f"{path}/attach").value == {"text": "free"}
    assert caller.get(f"{path}/output").value == {"text": "free"}


@feature("send and delayed send from outside")
def test_a_delayed_message_does_not_run_before_its_time(client: perdure.SyncClient, scene: str) -> None:
    diary = DiaryClient(client, scene)
    late = diary.append.send(KeyText(text="late"), delay=timedelta(days=1))
    soon = diary.append.send(KeyText(text="soon"), delay=timedelta(milliseconds=20))

    assert soon.attach().texts == ["soon"]
    assert late.output() is None


@feature("send and delayed send from outside")
def test_http_sends_later(client: perdure.SyncClient, caller: JsonCaller, scene: str) -> None:
    body = {"key": scene, "text": "later"}

    sent = caller.post("/conformance.v1.Diary/Append", body, perdure_delay="20ms")

    assert client.handle(sent.value["invocationId"], Texts).attach().texts == ["later"]


@feature("attach, and output without waiting")
def test_grpc_attaches_and_reads_the_output(
    client: perdure.SyncClient, grpc_caller: GrpcCaller, stage: Stage, scene: str
) -> None:
    sent = by_id(LockClient(client, scene).hold.send(Key()).invocation_id)
    with pytest.raises(grpc.RpcError) as refused:
        grpc_caller.output(sent)
    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    stage.answer(scene, "hold", "free")

    assert Text().parse(grpc_caller.attach(sent)).text == "free"
    assert Text().parse(grpc_caller.output(sent)).text == "free"


@feature("attach, and output without waiting")
def test_a_terminal_error_is_what_those_who_attach_get(client: perdure.SyncClient, scene: str) -> None:
    failure = Failure(code=perdure.StatusCode.OUT_OF_RANGE.value, message="too far", detail=scene)
    sent = FailingClient(client).end.send(failure)

    for ask in (sent.attach, sent.output):
        with pytest.raises(perdure.TerminalError, match="too far") as raised:
            ask()
        assert raised.value.details == (Text(text=scene),)


@feature("attach, and output without waiting")
def test_an_invocation_that_never_was_is_not_found(client: perdure.SyncClient, caller: JsonCaller) -> None:
    nobody = "inv_00000000000000000000000000"
    with pytest.raises(perdure.TerminalError) as refused:
        client.handle(nobody, Text).attach()

    assert refused.value.code is perdure.StatusCode.NOT_FOUND
    assert caller.get(f"/invocations/{nobody}/output").status == 404


@feature("a deadline ends the wait, not the invocation")
def test_a_caller_whose_deadline_passes_attaches_later(
    town: Town, client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    with (
        perdure.SyncClient(town.ingress, timeout=timedelta(milliseconds=100)) as hasty,
        pytest.raises(perdure.CallError) as late,
    ):
        LockClient(hasty, scene).hold(Key())
    assert late.value.code is perdure.StatusCode.DEADLINE_EXCEEDED
    stage.answer(scene, "hold", "free")

    assert client.handle(late.value.invocation_id, Text).attach().text == "free"


@feature("a deadline ends the wait, not the invocation")
def test_the_deadline_of_an_http_caller_names_the_invocation(
    client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str
) -> None:
    late = caller.post("/conformance.v1.Lock/Hold", {"key": scene}, connect_timeout_ms="100")
    assert (late.status, late.value["code"]) == (504, "deadline_exceeded")
    stage.answer(scene, "hold", "free")

    assert client.handle(late.headers["perdure-invocation-id"], Text).attach().text == "free"


@feature("typed clients from outside: async and blocking")
def test_the_async_client_does_what_the_blocking_one_does(town: Town, scene: str) -> None:
    async def story() -> tuple[list[str], list[str], Texts | None]:
        async with perdure.Client(town.ingress, timeout=TIMEOUT) as client:
            diary = DiaryClient(client, scene)
            called = await diary.append(KeyText(text="called"))
            sent = await diary.append.send(KeyText(text="sent"))
            return called.texts, (await sent.attach()).texts, await sent.output()

    assert asyncio.run(story()) == (["called"], ["called", "sent"], Texts(texts=["called", "sent"]))


@feature("typed clients from outside: async and blocking")
def test_the_async_client_waits_for_many_at_once(town: Town) -> None:
    async def story() -> set[str]:
        async with perdure.Client(town.ingress, timeout=TIMEOUT) as client:
            tell = FactsClient(client).tell
            return {facts.invocation_id for facts in await asyncio.gather(*(tell(Nothing()) for _ in range(50)))}

    assert len(asyncio.run(story())) == 50


@feature("typed clients from outside: async and blocking")
def test_a_generic_client_calls_by_name_from_outside(town: Town, scene: str) -> None:
    async def story() -> bytes:
        async with perdure.Client(town.ingress, timeout=TIMEOUT) as client:
            request = bytes(KeyText(key=scene, text="by name"))
            return await perdure.GenericClient(client).call("conformance.v1.Diary", "Append", request, key=scene)

    assert Texts().parse(asyncio.run(story())).texts == ["by name"]


@feature("typed clients from outside: async and blocking")
def test_the_async_client_tells_invocations_what_the_blocking_one_does(town: Town, stage: Stage, scene: str) -> None:
    async def story() -> tuple[str, list[str], perdure.StatusCode]:
        async with perdure.Client(town.ingress, timeout=TIMEOUT) as client:
            waiting = await AwakenerClient(client).wait.send(Text(text=scene))
            (awakeable_id,) = await asyncio.to_thread(stage.wait_for, scene)
            await client.resolve_awakeable(awakeable_id, Text(text="awake"))
            listening = await ListenerClient(client).listen_to.send(Listening(names=["word"]))
            await listening.signal("word", Text(text="heard"))
            sleeping = await SleeperClient(client).in_turn.send(Durations(durations=[timedelta(days=1)]))
            await sleeping.cancel()
            with pytest.raises(perdure.TerminalError) as cancelled:
                await client.handle(sleeping.invocation_id, Durations).attach()
            return (await waiting.attach()).text, (await listening.attach()).texts, cancelled.value.code

    assert asyncio.run(story()) == ("awake", ["heard"], perdure.StatusCode.CANCELLED)
