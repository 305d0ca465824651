"""Completing awakeables with JSON, or with serialised messages."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import AwakeableFacts, NotAccepted

from tests.ingress.http import shop
from tests.ingress.http.room import Room, play

RESOLVE = "/awakeables/awk_1/resolve"
REJECT = "/awakeables/awk_1/reject"
PROTO = "application/proto"
# Of a service that callers know nothing of: who has the id of an awakeable may complete it.
RECEIPT = AwakeableFacts("shop.v1.Backstage", "shop.v1.Receipt")


def test_json_is_read_as_the_message_that_the_handler_waits_for() -> None:
    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        answer = await room.post(RESOLVE, {"orderId": "o-1"})
        assert (answer.status, answer.json) == (200, {})
        assert room.node.completed == [("awk_1", Outcome(value=shop.receipt("o-1").SerializeToString()))]

    play(story)


def test_a_serialised_message_is_taken_as_it_is() -> None:
    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        assert (await room.post(RESOLVE, b"\x0a\x03o-1", content_type=PROTO)).status == 200
        assert room.node.completed == [("awk_1", Outcome(value=b"\x0a\x03o-1"))]

    play(story)


@pytest.mark.parametrize(
    ("body", "form", "says"),
    [
        (b'{"sku": "tea"}', "application/json", "the body is no shop.v1.Receipt in JSON"),
        (b"\xff\xff", PROTO, "these bytes are no shop.v1.Receipt"),
    ],
)
def test_another_message_is_refused_with_the_type_that_is_waited_for(body: bytes, form: str, says: str) -> None:
    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        answer = await room.post(RESOLVE, body, content_type=form)
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert says in answer.json["message"]
        assert room.node.completed == []

    play(story)


def test_json_for_a_contract_that_has_gone_is_refused_and_bytes_are_taken() -> None:
    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        room.node.contracts = Contracts()
        answer = await room.post(RESOLVE, {})
        assert answer.json["code"] == "failed_precondition"
        assert "register an endpoint" in answer.json["message"]
        assert (await room.post(RESOLVE, b"\x0a\x03o-1", content_type=PROTO)).status == 200

    play(story)


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ({"message": "declined", "code": "ABORTED"}, Failure(code=10, message="declined")),
        ({"message": "declined"}, Failure(code=2, message="declined")),
    ],
)
def test_a_rejection_has_a_message_and_may_have_a_code(body: object, failure: Failure) -> None:
    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        answer = await room.post(REJECT, body)
        assert (answer.status, answer.json) == (200, {})
        assert room.node.completed == [("awk_1", Outcome(failure=failure))]

    play(story)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is no JSON"),
        (b'{"message": ', "the body is no JSON"),
        (b"\xff", "the body is no JSON"),
        (b"[" * 100_000, "the body is no JSON"),
        (b'"declined"', "the body is no object"),
        (b"{}", "the message is missing"),
        (b'{"message": 7}', "the message is no text"),
        (b'{"message": "\\ud800"}', "half of a character"),
        (b'{"message": "no", "reason": "x"}', "a field 'reason', which means nothing"),
        (b'{"message": "no", "code": "OK"}', "the code 'OK' is none of an error; it can be CANCELLED, UNKNOWN"),
        (b'{"message": "no", "code": 10}', "the code '10' is none of an error"),
        (b'{"message": "no", "code": "aborted"}', "the code 'aborted' is none of an error"),
    ],
)
def test_another_rejection_is_refused_with_what_to_write(body: bytes, says: str) -> None:
    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        answer = await room.post(REJECT, body)
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert says in answer.json["message"]
        assert room.node.completed == []

    play(story)


@pytest.mark.parametrize("path", [RESOLVE, REJECT])
def test_a_form_of_a_web_page_is_refused(path: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.post(path, b"message=no", content_type="application/x-www-form-urlencoded")
        assert answer.status == 415

    play(story)


def test_a_rejection_is_json() -> None:
    async def story(room: Room) -> None:
        answer = await room.post(REJECT, b"", content_type=PROTO)
        assert (answer.status, answer.json["code"]) == (415, "invalid_argument")

    play(story)


@pytest.mark.parametrize("what", ["resolve", "reject"])
def test_an_id_that_nobody_has_is_not_found(what: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.post(f"/awakeables/awk%2Fnone/{what}", {"message": "no"})
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert "there is no awakeable 'awk/none'" in answer.json["message"]

    play(story)


def test_a_result_that_did_not_become_durable_may_be_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(awakeable_id: str, result: Outcome) -> None:
        raise NotAccepted("the disk is full")

    async def story(room: Room) -> None:
        room.node.awakeables = {"awk_1": RECEIPT}
        monkeypatch.setattr(room.node, "complete_awakeable", full)
        answer = await room.post(RESOLVE, {})
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert answer.json["message"] == "it was not accepted: the disk is full; try again"

    play(story)
