"""Calls of JSON callers that are right."""

import gzip
import json

import pytest

from tests.ingress.http import shop
from tests.ingress.http.invocations import value
from tests.ingress.http.room import JSON, Room, play


def test_a_call_with_curl_gives_the_response_as_json_and_names_its_invocation() -> None:
    async def story(room: Room) -> None:
        options = ["-H", "content-type: application/json", "-d", '{"customerName": "ada", "cents": "4200"}']
        answer = await room.curl(shop.PROCESS, *options)

        assert (answer.status, answer.json) == (200, {"orderId": "o-1"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["perdure-invocation-id"] == "inv_1"
        assert room.node.submitted[0].input == shop.basket(customer_name="ada", cents=4200).SerializeToString()

    play(story)


@pytest.mark.parametrize("written", [{"customerName": "ada"}, {"customer_name": "ada"}])
def test_fields_are_read_by_either_of_their_names(written: dict[str, str]) -> None:
    async def story(room: Room) -> None:
        assert (await room.post(shop.PROCESS, written)).status == 200
        assert room.node.submitted[0].input == shop.basket(customer_name="ada").SerializeToString()

    play(story)


def test_an_answer_is_protobufs_json_on_one_line_with_64_bit_numbers_as_text() -> None:
    async def story(room: Room) -> None:
        receipt = shop.contracts().handlers[shop.PROCESS].response(order_id="é", cents=2**60)
        room.node.rule = lambda submission: value(receipt)
        answer = await room.post(shop.PROCESS, {})
        assert answer.body.decode() == '{"orderId": "é", "cents": "1152921504606846976"}'

    play(story)


def test_an_empty_body_is_the_empty_message() -> None:
    async def story(room: Room) -> None:
        assert (await room.post(shop.PROCESS, b"")).status == 200
        assert room.node.submitted[0].input == b""

    play(story)


def test_serialised_messages_are_taken_and_given_where_asked_for() -> None:
    async def story(room: Room) -> None:
        sent = shop.basket(customer_name="ada").SerializeToString()
        answer = await room.ask("POST", shop.PROCESS, sent, {"content-type": "application/proto"})
        assert (answer.status, answer.headers["content-type"]) == (200, "application/proto")
        assert answer.body == shop.receipt("o-1").SerializeToString()
        assert room.node.submitted[0].input == sent

    play(story)


def test_a_content_type_may_name_its_charset() -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("POST", shop.PROCESS, b"{}", {"content-type": "Application/JSON; charset=utf-8"})
        assert answer.status == 200

    play(story)


def test_a_call_of_an_object_goes_to_the_key_in_its_request() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: value(shop.contracts().handlers[shop.ADD].response())
        await room.post(shop.ADD, {"customer": "ada", "amount": 2})
        assert room.node.submitted[0].key == "ada"

    play(story)


def test_two_calls_with_one_idempotency_key_are_one_invocation() -> None:
    async def story(room: Room) -> None:
        first = await room.post(shop.PROCESS, {}, idempotency_key="k")
        second = await room.post(shop.PROCESS, {}, idempotency_key="k")
        assert first.body == second.body
        assert first.headers["perdure-invocation-id"] == second.headers["perdure-invocation-id"]
        assert [submission.idempotency_key for submission in room.node.submitted] == ["k"]

    play(story)


@pytest.mark.parametrize(("headers", "delay_ms"), [({"perdure_mode": "send"}, 0), ({"perdure_delay": "1500ms"}, 1500)])
def test_a_send_is_accepted_with_its_id_before_it_ends(headers: dict[str, str], delay_ms: int) -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        answer = await room.post(shop.PROCESS, {}, **headers)
        assert (answer.status, answer.json) == (202, {"invocationId": "inv_1"})
        assert answer.headers["perdure-invocation-id"] == "inv_1"
        assert room.node.submitted[0].delay_ms == delay_ms

    play(story)


def test_headers_of_the_caller_go_with_the_invocation_but_not_those_of_the_transport() -> None:
    async def story(room: Room) -> None:
        await room.post(shop.PROCESS, {}, x_tenant="acme", authorization="secret", connect_protocol_version="1")
        assert room.node.submitted[0].headers == {"x-tenant": "acme"}

    play(story)


def test_who_runs_out_of_time_is_told_the_id_and_the_invocation_goes_on() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        answer = await room.post(shop.PROCESS, {}, connect_timeout_ms="10")
        assert (answer.status, answer.json["code"]) == (504, "deadline_exceeded")
        assert answer.headers["perdure-invocation-id"] == "inv_1"

        room.node.end("inv_1", value(shop.receipt("late")))
        assert (await room.ask("GET", "/invocations/inv_1/output")).json == {"orderId": "late"}

    play(story)


def test_a_caller_that_hangs_up_is_waited_for_no_more_and_the_invocation_goes_on() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line:
            line.say(b"POST " + shop.PROCESS.encode() + b" HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n")
            line.say(b"content-length: 2\r\n\r\n{}")
            await room.node.arrived.wait()
        assert await room.node.abandoned.get() == "inv_1"
        room.node.end("inv_1", value(shop.receipt("o-1")))
        assert (await room.ask("GET", "/invocations/inv_1/attach")).json == {"orderId": "o-1"}

    play(story)


def test_a_body_may_come_compressed() -> None:
    async def story(room: Room) -> None:
        body = gzip.compress(json.dumps({"customerName": "ada"}).encode())
        answer = await room.post(shop.PROCESS, body, content_encoding="gzip")
        assert answer.status == 200
        assert room.node.submitted[0].input == shop.basket(customer_name="ada").SerializeToString()

    play(story)


def test_a_large_request_and_a_large_response_are_carried_whole() -> None:
    async def story(room: Room) -> None:
        name = "x" * 3_000_000
        room.node.rule = lambda submission: value(shop.receipt(name))
        answer = await room.post(shop.PROCESS, {"customerName": name})
        assert answer.json == {"orderId": name}
        assert room.node.submitted[0].input == shop.basket(customer_name=name).SerializeToString()

    play(story)


def test_a_chunked_body_is_taken_and_what_follows_it_is_no_header() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(b"POST " + shop.PROCESS.encode() + b" HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n")
            line.say(b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\nidempotency-key: late\r\n\r\n")
            assert (await line.hear()).status == 200
        assert room.node.submitted[0].idempotency_key == ""

    play(story)


def test_health_says_serving() -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("GET", "/health")
        assert (answer.status, answer.json) == (200, {"status": "SERVING"})

    play(story)


def test_the_root_lists_what_can_be_called_and_nothing_private() -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("GET", "/")
        assert answer.json == {"handlers": ["/old.v1.Forms/File", shop.ADD, shop.PROCESS, shop.RUN]}

    play(story)


def test_head_gives_the_headers_of_get_alone() -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("HEAD", "/health", headers=JSON)
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["content-length"]) == len(b'{"status": "SERVING"}')

    play(story)
