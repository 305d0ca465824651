"""What a handler knows of its invocation, and who may call it."""

from collections.abc import Callable

import perdure
import pytest
from conformance.v1 import (
    AskedFacts,
    FactsClient,
    HalfHiddenClient,
    HiddenClient,
    Nothing,
    Text,
)

from tests.conformance.json_caller import JsonCaller
from tests.conformance.town import Town

feature = pytest.mark.feature


@feature("request facts: invocation id, attempt, headers, idempotency key, deployment")
def test_a_handler_knows_its_invocation_id(client: perdure.SyncClient) -> None:
    sent = FactsClient(client).tell.send(Nothing())

    assert sent.attach().invocation_id == sent.invocation_id


@feature("request facts: invocation id, attempt, headers, idempotency key, deployment")
def test_a_handler_knows_which_attempt_it_is(client: perdure.SyncClient) -> None:
    assert FactsClient(client).tell(Nothing()).attempt == 1
    assert FactsClient(client).second_attempt(Nothing()).number == 2


@feature("request facts: invocation id, attempt, headers, idempotency key, deployment")
def test_a_handler_knows_headers_and_idempotency_key(client: perdure.SyncClient, scene: str) -> None:
    facts = FactsClient(client).tell(Nothing(), idempotency_key=scene, headers={"X-Tenant": "blue"})

    assert facts.idempotency_key == scene
    assert facts.headers["x-tenant"] == "blue"


@feature("request facts: invocation id, attempt, headers, idempotency key, deployment")
def test_a_handler_knows_what_another_handler_sends_along(client: perdure.SyncClient, scene: str) -> None:
    asked = AskedFacts(idempotency_key=scene, headers={"x-tenant": "blue"})

    facts = FactsClient(client).tell_through(asked)

    assert facts.idempotency_key == scene
    assert facts.headers == {"x-tenant": "blue"}


@feature("request facts: invocation id, attempt, headers, idempotency key, deployment")
def test_a_handler_knows_its_deployment(client: perdure.SyncClient, town: Town) -> None:
    deployment = FactsClient(client).tell(Nothing()).deployment_id

    assert deployment == town.deployment


@feature("request facts: invocation id, attempt, headers, idempotency key, deployment")
def test_headers_of_http_reach_the_handler(caller: JsonCaller, scene: str) -> None:
    answer = caller.post("/conformance.v1.Facts/Tell", x_tenant="blue", idempotency_key=scene)

    assert answer.value["headers"]["x-tenant"] == "blue"
    assert answer.value["idempotencyKey"] == scene
    assert answer.value["invocationId"] == answer.headers["perdure-invocation-id"]


def whisper(client: perdure.SyncClient) -> Text:
    return HiddenClient(client).whisper(Text(text="A"))


def closed(client: perdure.SyncClient) -> Text:
    return HalfHiddenClient(client).closed(Text(text="A"))


@feature("private services and handlers")
@pytest.mark.parametrize("call", [whisper, closed])
def test_what_is_private_does_not_exist_for_grpc(
    client: perdure.SyncClient, call: Callable[[perdure.SyncClient], Text]
) -> None:
    with pytest.raises(perdure.TerminalError) as refused:
        call(client)

    assert refused.value.code is perdure.StatusCode.UNIMPLEMENTED


@feature("private services and handlers")
@pytest.mark.parametrize("path", ["Hidden/Whisper", "HalfHidden/Closed"])
def test_what_is_private_does_not_exist_for_http(caller: JsonCaller, path: str) -> None:
    assert caller.post(f"/conformance.v1.{path}", {"text": "A"}).status == 404


@feature("private services and handlers")
def test_handlers_call_what_is_private(client: perdure.SyncClient) -> None:
    assert HalfHiddenClient(client).open(Text(text="A")).text == "a!"
