"""Awakeables: a handler waits for a message that anybody brings who knows the id."""

import asyncio
from datetime import timedelta

import grpc
import perdure
import pytest
from conformance.v1 import AwakenerClient, Completion, Failure, Text

from tests.conformance.grpc_caller import GrpcCaller
from tests.conformance.json_caller import JsonCaller
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature
TIMEOUT = timedelta(seconds=20)
ABORTED = perdure.StatusCode.ABORTED
REFUSED = Failure(code=ABORTED.value, message="declined")
# In the form of an id, and yet nobody's.
UNKNOWN = "awk_00000000000000000000000000_0_00000000000000000000000000"


def waiting(client: perdure.SyncClient, stage: Stage, scene: str) -> tuple[str, perdure.BlockingInvocationHandle[Text]]:
    """A handler that waits, and the id of what it waits for."""
    handle = AwakenerClient(client).wait.send(Text(text=scene))
    (awakeable_id,) = stage.wait_for(scene)
    return awakeable_id, handle


def catching(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> tuple[str, perdure.BlockingInvocationHandle[Failure]]:
    """The same, of a handler that gives the error that it gets."""
    handle = AwakenerClient(client).catch.send(Text(text=scene))
    (awakeable_id,) = stage.wait_for(scene)
    return awakeable_id, handle


@feature("awakeables: resolve and reject from another handler")
def test_a_handler_resolves_the_awakeable_of_another(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    awakeable_id, handle = waiting(client, stage, scene)
    assert handle.output() is None

    assert AwakenerClient(client).resolve(Completion(awakeable_id, "paid")) == Failure()

    assert handle.attach().text == "paid"


@feature("awakeables: resolve and reject from another handler")
def test_a_handler_rejects_the_awakeable_of_another(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    awakeable_id, handle = catching(client, stage, scene)

    assert AwakenerClient(client).reject(Completion(awakeable_id, "declined")) == Failure()

    assert handle.attach() == REFUSED


@feature("awakeables: resolve and reject from another handler")
def test_a_handler_that_resolves_what_is_not_there_gets_an_error(client: perdure.SyncClient) -> None:
    failure = AwakenerClient(client).resolve(Completion(UNKNOWN, "paid"))

    assert failure.code == perdure.StatusCode.NOT_FOUND.value


@feature("awakeables: resolve and reject from the client")
def test_a_client_resolves_an_awakeable(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    awakeable_id, handle = waiting(client, stage, scene)

    client.resolve_awakeable(awakeable_id, Text(text="paid"))

    assert handle.attach().text == "paid"


@feature("awakeables: resolve and reject from the client")
def test_a_client_rejects_an_awakeable(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    awakeable_id, handle = catching(client, stage, scene)

    client.reject_awakeable(awakeable_id, "declined", code=ABORTED)

    assert handle.attach() == REFUSED


@feature("awakeables: resolve and reject from the client")
def test_a_rejection_that_nobody_catches_ends_the_handler(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    awakeable_id, handle = waiting(client, stage, scene)

    client.reject_awakeable(awakeable_id, "declined", code=ABORTED)

    with pytest.raises(perdure.TerminalError, match="declined") as raised:
        handle.attach()
    assert raised.value.code is ABORTED


@feature("awakeables: resolve and reject from the client")
def test_a_client_that_resolves_what_is_not_there_gets_an_error(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError) as refused:
        client.resolve_awakeable(UNKNOWN, Text())

    assert refused.value.code is perdure.StatusCode.NOT_FOUND


@feature("awakeables: the first result stays")
def test_an_awakeable_that_is_resolved_twice_keeps_the_first_result(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    handle = AwakenerClient(client).wait_for_two.send(Text(text=scene))
    (line,) = stage.wait_for(scene)
    first, second = line.split()

    client.resolve_awakeable(first, Text(text="one"))
    client.resolve_awakeable(first, Text(text="again"))
    client.reject_awakeable(first, "too late")
    client.resolve_awakeable(second, Text(text="two"))

    assert handle.attach().texts == ["one", "two"]


@feature("awakeables are typed")
def test_an_awakeable_refuses_bytes_that_are_no_such_message(
    client: perdure.SyncClient, grpc_caller: GrpcCaller, stage: Stage, scene: str
) -> None:
    awakeable_id, handle = waiting(client, stage, scene)

    with pytest.raises(grpc.RpcError) as refused:
        grpc_caller.resolve(awakeable_id, b"\xff")

    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    client.resolve_awakeable(awakeable_id, Text(text="right"))
    assert handle.attach().text == "right"


@feature("awakeables are typed")
def test_an_awakeable_refuses_json_that_is_no_such_message(
    client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str
) -> None:
    awakeable_id, handle = waiting(client, stage, scene)

    refused = caller.post(f"/awakeables/{awakeable_id}/resolve", {"texts": ["paid"]})

    assert refused.status == 400
    assert "conformance.v1.Text" in refused.value["message"]
    client.resolve_awakeable(awakeable_id, Text(text="right"))
    assert handle.attach().text == "right"


@feature("awakeables: resolve and reject over HTTP")
def test_http_resolves_an_awakeable_with_json(
    client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str
) -> None:
    awakeable_id, handle = waiting(client, stage, scene)

    assert caller.post(f"/awakeables/{awakeable_id}/resolve", {"text": "paid"}).status == 200

    assert handle.attach().text == "paid"


@feature("awakeables: resolve and reject over HTTP")
def test_http_rejects_an_awakeable(client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str) -> None:
    awakeable_id, handle = catching(client, stage, scene)

    rejected = caller.post(f"/awakeables/{awakeable_id}/reject", {"message": "declined", "code": "ABORTED"})

    assert rejected.status == 200
    assert handle.attach() == REFUSED


@feature("awakeables: resolve and reject over HTTP")
def test_http_says_that_an_awakeable_is_not_there(caller: JsonCaller) -> None:
    assert caller.post(f"/awakeables/{UNKNOWN}/resolve", {"text": "paid"}).status == 404
    assert caller.post("/awakeables/nonsense/reject", {"message": "declined"}).status == 404


@feature("awakeables: resolve and reject over gRPC")
def test_grpc_resolves_an_awakeable(
    client: perdure.SyncClient, grpc_caller: GrpcCaller, stage: Stage, scene: str
) -> None:
    awakeable_id, handle = waiting(client, stage, scene)

    grpc_caller.resolve(awakeable_id, bytes(Text(text="paid")))

    assert handle.attach().text == "paid"


@feature("awakeables: resolve and reject over gRPC")
def test_grpc_rejects_an_awakeable(
    client: perdure.SyncClient, grpc_caller: GrpcCaller, stage: Stage, scene: str
) -> None:
    awakeable_id, handle = catching(client, stage, scene)

    grpc_caller.reject(awakeable_id, "declined", ABORTED.value)

    assert handle.attach() == REFUSED


@feature("awakeables: resolve and reject over gRPC")
def test_grpc_says_that_an_awakeable_is_not_there(grpc_caller: GrpcCaller) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        grpc_caller.resolve(UNKNOWN, b"")

    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@feature("awakeables: resolve and reject from the client")
def test_many_handlers_begin_and_wait_beside_one_another(town: Town, stage: Stage, scene: str) -> None:
    async def story() -> bool:
        async with perdure.Client(town.ingress, timeout=TIMEOUT) as client:
            wait = AwakenerClient(client).wait
            scenes = [f"{scene}-{number}" for number in range(200)]
            # Handlers begin while steps of others end, and all that have begun stay in memory.
            handles = await asyncio.gather(*(wait.send(Text(text=each)) for each in scenes))
            ids = await asyncio.to_thread(lambda: [stage.wait_for(each)[0] for each in scenes])
            await asyncio.gather(*(client.resolve_awakeable(id, Text(text=id)) for id in ids))
            texts = await asyncio.gather(*(handle.attach() for handle in handles))
            return [text.text for text in texts] == ids

    assert asyncio.run(story())
