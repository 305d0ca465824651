"""Asking for an invocation by its id."""

import asyncio

import pytest
from perdure_runtime.contracts import Contracts

from tests.ingress.http import shop
from tests.ingress.http.invocations import failure, value
from tests.ingress.http.room import Room, play


async def start(room: Room) -> str:
    """An invocation that runs until it is ended."""
    room.node.rule = lambda submission: None
    invocation_id: str = (await room.post(shop.PROCESS, {}, perdure_mode="send")).json["invocationId"]
    return invocation_id


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_attaching_waits_for_the_end(method: str) -> None:
    async def story(room: Room) -> None:
        invocation_id = await start(room)
        waiting = asyncio.create_task(room.ask(method, f"/invocations/{invocation_id}/attach"))
        output = await room.ask("GET", f"/invocations/{invocation_id}/output")
        assert not waiting.done()
        assert output.status == 409

        room.node.end(invocation_id, value(shop.receipt("o-1")))
        answer = await waiting
        assert (answer.status, answer.json) == (200, {"orderId": "o-1"})
        assert answer.headers["perdure-invocation-id"] == invocation_id

    play(story)


def test_attaching_can_be_given_a_time() -> None:
    async def story(room: Room) -> None:
        invocation_id = await start(room)
        answer = await room.ask("GET", f"/invocations/{invocation_id}/attach", headers={"connect-timeout-ms": "10"})
        assert (answer.status, answer.headers["perdure-invocation-id"]) == (504, invocation_id)

    play(story)


def test_the_output_of_what_has_not_ended_is_refused_with_what_to_do() -> None:
    async def story(room: Room) -> None:
        invocation_id = await start(room)
        answer = await room.ask("GET", f"/invocations/{invocation_id}/output")
        assert (answer.status, answer.json["code"]) == (409, "failed_precondition")
        assert f"/invocations/{invocation_id}/attach" in answer.json["message"]

    play(story)


@pytest.mark.parametrize("question", ["attach", "output"])
def test_a_terminal_error_is_told_again(question: str) -> None:
    async def story(room: Room) -> None:
        invocation_id = await start(room)
        room.node.end(invocation_id, failure(7, "not yours"))
        answer = await room.ask("GET", f"/invocations/{invocation_id}/{question}")
        assert (answer.status, answer.json) == (403, {"code": "permission_denied", "message": "not yours"})
        assert answer.headers["perdure-invocation-id"] == invocation_id

    play(story)


@pytest.mark.parametrize("question", ["attach", "output"])
def test_an_id_that_nobody_has_is_not_found(question: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("GET", f"/invocations/inv_none/{question}")
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert "'inv_none'" in answer.json["message"]

    play(story)


def test_a_result_whose_contract_has_gone_says_what_to_register() -> None:
    async def story(room: Room) -> None:
        invocation_id = await start(room)
        room.node.end(invocation_id, value(shop.receipt("o-1")))
        room.node.contracts = Contracts()
        answer = await room.ask("GET", f"/invocations/{invocation_id}/output")
        assert answer.json["code"] == "failed_precondition"
        assert "register an endpoint" in answer.json["message"]

    play(story)


def test_cancelling_is_accepted_and_waits_for_nothing() -> None:
    async def story(room: Room) -> None:
        invocation_id = await start(room)
        room.node.known = {invocation_id}
        answer = await room.ask("POST", f"/invocations/{invocation_id}/cancel")
        assert (answer.status, answer.json) == (202, {})
        assert room.node.cancelled == [invocation_id]

    play(story)


@pytest.mark.parametrize("what", ["cancel", "signals/approved"])
def test_nothing_can_be_told_to_an_id_that_nobody_has(what: str) -> None:
    async def story(room: Room) -> None:
        body, content = b"", {"content-type": "application/proto"}
        answer = await room.ask("POST", f"/invocations/inv_none/{what}", body, content)
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert "'inv_none'" in answer.json["message"]

    play(story)


def test_the_percent_escapes_of_an_id_are_read() -> None:
    async def story(room: Room) -> None:
        room.node.known = {"inv/1 ü"}
        assert (await room.ask("POST", "/invocations/inv%2F1%20%C3%BC/cancel")).status == 202
        assert room.node.cancelled == ["inv/1 ü"]
        answer = await room.ask("POST", "/invocations/inv%FF/cancel")
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert "no UTF-8" in answer.json["message"]

    play(story)
