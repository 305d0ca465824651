"""Asking for the run of a workflow by the workflow's id."""

import asyncio

import pytest
from perdure_runtime.ingress.port import WorkflowId

from tests.ingress.http import shop
from tests.ingress.http.invocations import value
from tests.ingress.http.room import Room, play

ADA = "/workflows/shop.v1.Signups/ada"


async def start(room: Room, id: str = "ada") -> None:
    """A workflow that runs until it is ended."""
    room.node.rule = lambda submission: None
    await room.post(shop.RUN, {"customer": id}, perdure_mode="send")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_attaching_waits_for_the_end_of_the_run(method: str) -> None:
    async def story(room: Room) -> None:
        await start(room)
        waiting = asyncio.create_task(room.ask(method, f"{ADA}/attach"))
        early = await room.ask("GET", f"{ADA}/output")
        assert not waiting.done()
        assert (early.status, early.json["code"]) == (409, "failed_precondition")
        assert early.json["message"].endswith(f"wait for it with {ADA}/attach")

        room.node.end("inv_1", value(shop.receipt("o-1")))
        answer = await waiting
        assert (answer.status, answer.json) == (200, {"orderId": "o-1"})
        assert answer.headers["perdure-invocation-id"] == "inv_1"
        assert (await room.ask("GET", f"{ADA}/output")).json == {"orderId": "o-1"}

    play(story)


def test_a_workflow_id_may_hold_anything() -> None:
    async def story(room: Room) -> None:
        await start(room, "ada/lovelace ü?")
        path = "/workflows/shop.v1.Signups/ada%2Flovelace%20%C3%BC%3F"
        early = await room.ask("GET", f"{path}/output")
        assert early.json["message"].endswith(f"wait for it with {path}/attach")

    play(story)


def test_cancelling_is_accepted_and_waits_for_nothing() -> None:
    async def story(room: Room) -> None:
        room.node.known = {WorkflowId("shop.v1.Signups", "ada")}
        answer = await room.ask("POST", f"{ADA}/cancel")
        assert (answer.status, answer.json) == (202, {})
        assert room.node.cancelled == [WorkflowId("shop.v1.Signups", "ada")]

    play(story)


@pytest.mark.parametrize(("method", "question"), [("GET", "attach"), ("GET", "output"), ("POST", "cancel")])
def test_an_id_that_has_not_run_is_not_found(method: str, question: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask(method, f"{ADA}/{question}")
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert answer.json["message"] == "workflow 'ada' of shop.v1.Signups has not run, or its retention is over"

    play(story)


@pytest.mark.parametrize(("method", "question"), [("GET", "attach"), ("GET", "output"), ("POST", "cancel")])
@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("shop.v1.Backstage", "no service 'shop.v1.Backstage' is registered"),
        ("shop.v1.Signup", "did you mean shop.v1.Signups"),
        ("shop.v1.Orders", "shop.v1.Orders is a service, and only runs of workflows are found by an id"),
    ],
)
def test_what_is_no_workflow_that_callers_know_is_not_found(
    method: str, question: str, service: str, says: str
) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask(method, f"/workflows/{service}/ada/{question}")
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert says in answer.json["message"]

    play(story)


def test_a_second_run_that_must_be_new_is_refused_with_the_first() -> None:
    async def story(room: Room) -> None:
        await start(room)
        answer = await room.post(shop.RUN, {"customer": "ada"}, perdure_must_be_new="true")
        assert (answer.status, answer.json["code"]) == (409, "already_exists")
        assert answer.headers["perdure-invocation-id"] == "inv_1"

    play(story)
