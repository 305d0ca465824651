"""Signals of JSON callers: a message of any registered type, by its name."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from tests.ingress.http import shop
from tests.ingress.http.room import Room, play

APPROVED = "/invocations/inv_1/signals/approved"


def test_json_is_read_as_the_type_that_the_query_names() -> None:
    async def story(room: Room) -> None:
        room.node.known = {"inv_1"}
        answer = await room.post(f"{APPROVED}?type=shop.v1.Receipt", {"orderId": "o-1"})
        assert (answer.status, answer.json) == (202, {})
        expected = Outcome(value=shop.receipt("o-1").SerializeToString())
        assert room.node.signals == [("inv_1", "approved", expected)]

    play(story)


def test_a_serialised_message_needs_no_type() -> None:
    async def story(room: Room) -> None:
        room.node.known = {"inv_1"}
        answer = await room.post(APPROVED, b"\x0a\x03o-1", content_type="application/proto")
        assert answer.status == 202
        assert room.node.signals == [("inv_1", "approved", Outcome(value=b"\x0a\x03o-1"))]

    play(story)


def test_the_name_of_a_signal_may_hold_anything() -> None:
    async def story(room: Room) -> None:
        room.node.known = {"inv_1"}
        await room.post("/invocations/inv_1/signals/one%2Ftwo?type=shop.v1.Receipt", {})
        assert [name for _, name, _ in room.node.signals] == ["one/two"]

    play(story)


@pytest.mark.parametrize(
    ("query", "body", "says"),
    [
        ("", {}, r"write ?type=package.Message once"),
        ("?kind=shop.v1.Receipt", {}, r"write ?type=package.Message once"),
        ("?type=shop.v1.Receipt&type=shop.v1.Line", {}, r"write ?type=package.Message once"),
        ("?type=shop.v1.Nothing", {}, "no registered contract has a message 'shop.v1.Nothing'"),
        ("?type=shop.v1.Receipt", {"order": "o-1"}, "the body is no shop.v1.Receipt in JSON"),
        ("?type=shop.v1.Receipt", [], "it is no object"),
    ],
    ids=["no query", "another query", "two types", "unknown type", "unknown field", "no object"],
)
def test_a_signal_that_cannot_be_read_is_refused_with_what_to_write(query: str, body: object, says: str) -> None:
    async def story(room: Room) -> None:
        room.node.known = {"inv_1"}
        answer = await room.post(APPROVED + query, body)
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert says in answer.json["message"]
        assert room.node.signals == []

    play(story)


def test_what_has_ended_takes_no_signal() -> None:
    async def story(room: Room) -> None:
        room.node.known = room.node.ended = {"inv_1"}
        answer = await room.post(f"{APPROVED}?type=shop.v1.Receipt", {})
        assert (answer.status, answer.json["code"]) == (409, "failed_precondition")
        assert answer.json["message"].startswith("invocation inv_1 has ended")

    play(story)


@pytest.mark.parametrize("name", ["", "x" * 1_025])
def test_a_signal_has_a_name_of_some_length(name: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.post(f"/invocations/inv_1/signals/{name}?type=shop.v1.Receipt", {})
        assert answer.status == 400
        assert "use 1 to 1024" in answer.json["message"]

    play(story)
