"""Idempotency keys: all calls of one handler, and one key of it, with the same idempotency key are one invocation."""

from concurrent.futures import ThreadPoolExecutor

import perdure
import pytest
from conformance.v1 import DiaryClient, FactsClient, FailingClient, Failure, Key, KeyText, Nothing

from tests.conformance.json_caller import JsonCaller
from tests.conformance.stage import Stage

feature = pytest.mark.feature


@feature("idempotency keys from outside")
def test_a_second_call_gets_the_result_of_the_first(client: perdure.SyncClient, scene: str) -> None:
    append = DiaryClient(client, scene).append

    answers = [append(KeyText(text="once"), idempotency_key=scene).texts for _ in range(3)]

    assert answers == [["once"]] * 3
    assert DiaryClient(client, scene).read(Key()).texts == ["once"]


@feature("idempotency keys from outside")
def test_many_calls_at_once_are_one_invocation(client: perdure.SyncClient, scene: str) -> None:
    tell = FactsClient(client).tell
    with ThreadPoolExecutor(max_workers=20) as callers:
        facts = list(callers.map(lambda _: tell(Nothing(), idempotency_key=scene), range(20)))

    assert len({each.invocation_id for each in facts}) == 1


@feature("idempotency keys from outside")
def test_a_send_and_a_call_with_one_key_are_one_invocation(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    append = DiaryClient(client, scene).append_when_answered
    sent = append.send(KeyText(text="slow"), idempotency_key=scene)
    again = append.send(KeyText(text="slow"), idempotency_key=scene)
    stage.answer(scene, "slow", "")

    assert again.invocation_id == sent.invocation_id
    assert append(KeyText(text="slow"), idempotency_key=scene).texts == ["slow"]


@feature("idempotency keys from outside")
def test_a_terminal_error_is_the_result_of_a_key_too(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    failure = Failure(code=perdure.StatusCode.ABORTED.value, message="no", detail=scene)

    for _ in range(2):
        with pytest.raises(perdure.TerminalError, match="no"):
            FailingClient(client).end(failure, idempotency_key=scene)
    assert stage.lines(scene) == ["attempt"]


@feature("idempotency keys from outside")
def test_one_key_means_different_invocations_of_different_objects(client: perdure.SyncClient, scene: str) -> None:
    for key in (f"{scene}-1", f"{scene}-2"):
        assert DiaryClient(client, key).append(KeyText(text="mine"), idempotency_key=scene).texts == ["mine"]


@feature("idempotency keys from outside")
def test_the_header_of_http_is_the_same_key(client: perdure.SyncClient, caller: JsonCaller, scene: str) -> None:
    first = FactsClient(client).tell(Nothing(), idempotency_key=scene)

    answer = caller.post("/conformance.v1.Facts/Tell", idempotency_key=scene)

    assert answer.headers["perdure-invocation-id"] == first.invocation_id
