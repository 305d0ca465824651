"""Errors of handlers: terminal ones reach the caller as they are, all others are tried again."""

import time
from datetime import timedelta

import grpc
import perdure
import pytest
from conformance.v1 import FailingClient, Failure, FragileClient, Number, Span, Text
from google.rpc import status_pb2

from tests.conformance.json_caller import JsonCaller
from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature


def failure(scene: str) -> Failure:
    """A failure of this scene."""
    return Failure(code=perdure.StatusCode.OUT_OF_RANGE.value, message="too far", detail=scene)


@feature("terminal errors: code, message and typed details")
def test_a_terminal_error_reaches_a_python_caller_with_its_typed_details(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    with pytest.raises(perdure.TerminalError) as raised:
        FailingClient(client).end(failure(scene))

    assert (raised.value.code, raised.value.message) == (perdure.StatusCode.OUT_OF_RANGE, "too far")
    assert raised.value.details == (Text(text=scene),)
    assert stage.lines(scene) == ["attempt"]


@feature("terminal errors: code, message and typed details")
def test_a_terminal_error_reaches_a_grpc_caller_as_google_rpc_status(grpc_channel: grpc.Channel, scene: str) -> None:
    end = grpc_channel.unary_unary("/conformance.v1.Failing/End", bytes, bytes)

    with pytest.raises(grpc.RpcError) as raised:
        end(bytes(failure(scene)), timeout=20)

    error = raised.value
    assert isinstance(error, grpc.Call)
    assert (error.code(), error.details()) == (grpc.StatusCode.OUT_OF_RANGE, "too far")
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    (detail,) = status.details
    assert detail.type_url.endswith("/conformance.v1.Text")
    assert Text().parse(detail.value).text == scene


@feature("terminal errors: code, message and typed details")
def test_a_terminal_error_reaches_an_http_caller_as_json(caller: JsonCaller, scene: str) -> None:
    body = {"code": perdure.StatusCode.OUT_OF_RANGE.value, "message": "too far", "detail": scene}

    answer = caller.post("/conformance.v1.Failing/End", body)

    assert answer.status == 400
    assert (answer.value["code"], answer.value["message"]) == ("out_of_range", "too far")
    (detail,) = answer.value["details"]
    assert detail["type"] == "conformance.v1.Text"
    assert detail["debug"] == {"text": scene}


@feature("terminal errors: code, message and typed details")
def test_a_handler_catches_the_error_of_a_handler(client: perdure.SyncClient, scene: str) -> None:
    assert FailingClient(client).catch(failure(scene)) == failure(scene)


@feature("terminal errors: code, message and typed details")
def test_an_error_that_a_handler_lets_pass_reaches_the_caller(client: perdure.SyncClient, scene: str) -> None:
    with pytest.raises(perdure.TerminalError, match="too far") as raised:
        FailingClient(client).pass_(failure(scene))

    assert raised.value.code is perdure.StatusCode.OUT_OF_RANGE
    assert raised.value.details == (Text(text=scene),)


@feature("any other error is retried with exponential backoff")
def test_any_other_error_is_tried_again_until_the_handler_succeeds(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "attempt", "no", "no", "no", "ok")

    assert FailingClient(client).stumble(Text(text=scene)).number == 4
    assert stage.lines(scene) == ["attempt"] * 4


@feature("any other error is retried with exponential backoff")
def test_the_waits_between_attempts_grow(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    stage.answer(scene, "attempt", *["no"] * 4, "ok")
    began = time.monotonic()

    FailingClient(client).stumble(Text(text=scene))

    # 10, 20, 40 and 80 ms; without growing it would be 40.
    assert time.monotonic() - began >= 0.14


@feature("retryable errors with retry-after")
def test_a_handler_says_when_it_is_tried_again(client: perdure.SyncClient) -> None:
    waited = FailingClient(client).later(Span(duration=timedelta(milliseconds=150)))

    assert waited.number >= 150


@feature("any other error is retried with exponential backoff")
def test_a_handler_that_returns_no_response_is_tried_again(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "return?", "nothing", "ok")

    assert FailingClient(client).return_nothing(Text(text=scene)).text == scene


@feature("on max attempts: fail")
def test_an_invocation_that_is_to_fail_ends_with_its_last_error(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "attempt", "first", "last")

    with pytest.raises(perdure.TerminalError, match="last"):
        FragileClient(client).ends(Text(text=scene))
    assert stage.lines(scene) == ["attempt"] * 2


@feature("on max attempts: pause")
@feature("options of a handler win over those of its service")
def test_an_invocation_that_is_to_pause_waits_for_an_operator(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "attempt", "no", "no")
    sent = FragileClient(client).pauses.send(Text(text=scene))

    paused = operator.wait_for_status(sent.invocation_id, "paused")
    assert "no" in paused.last_error
    assert stage.lines(scene) == ["attempt"] * 2
    assert sent.output() is None

    stage.answer(scene, "attempt", "ok")
    operator.resume(sent.invocation_id)
    assert sent.attach().number == 3


@feature("on max attempts: pause")
def test_a_resumed_invocation_has_all_its_attempts_again(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "attempt", "no", "no")
    sent = FragileClient(client).pauses.send(Text(text=scene))
    operator.wait_for_status(sent.invocation_id, "paused")
    stage.answer(scene, "attempt", "no", "ok")

    operator.resume(sent.invocation_id)

    assert sent.attach().number == 4


@feature("on max attempts: pause")
def test_the_command_of_operators_resumes(
    client: perdure.SyncClient, operator: Operator, town: Town, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "attempt", "no", "no")
    sent = FragileClient(client).pauses.send(Text(text=scene))
    operator.wait_for_status(sent.invocation_id, "paused")
    stage.answer(scene, "attempt", "ok")

    ran = town.command("invocations", "resume", sent.invocation_id)

    assert ran.returncode == 0, ran.stderr
    assert sent.attach() == Number(number=3)
