"""Calls of JSON callers that are wrong: a status, a code of Connect and a sentence each."""

import gzip
import re
from base64 import b64decode

import pytest
from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.port import EndpointUnavailable, NotAccepted

from tests.ingress.http import shop
from tests.ingress.http.invocations import failure, value
from tests.ingress.http.room import JSON, Room, play

DEEP = b'{"lines": [' * 5_000 + b"]}" * 5_000


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"cents": 1,\n "lines": ]}', r"line 2 column 11"),
        (b'{"customer": "ada"}', r'no field named "customer"'),
        (b'{"lines": [{"sku": 7}]}', r"lines field: .*sku field"),
        (b'{"lines": [{"count": 1.5}]}', r"lines field: .*count field"),
        (b'{"cents": "9223372036854775808"}', r"cents"),
        (b'{"cents": 1, "cents": 2}', r"duplicate key cents"),
        (b'{"customerName": "\xff"}', r"invalid start byte"),
        (b'{"customerName": "\\ud800"}', r"customerName"),
        (b'{"cents": %s}' % (b"1" * 5_000), r"JSON"),
        (DEEP, r"in JSON"),
        (b"[]", r"shop\.v1\.Basket in JSON: it is no object"),
        (b' ""', r"shop\.v1\.Basket in JSON: it is no object"),
        (b"null", r"shop\.v1\.Basket in JSON: it is no object"),
        (b" ", r"shop\.v1\.Basket in JSON: it is no object"),
    ],
    ids=[
        "malformed",
        "unknown field",
        "wrong type",
        "fraction",
        "too large",
        "twice",
        "no utf-8",
        "lone surrogate",
        "endless number",
        "too deep",
        "list",
        "text",
        "null",
        "blank",
    ],
)
def test_json_that_is_not_the_request_is_refused_with_its_place(body: bytes, says: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.post(shop.PROCESS, body)
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert re.search(says, answer.json["message"]), answer.json["message"]
        assert "\n" not in answer.json["message"]
        assert room.node.submitted == []

    play(story)


def test_a_required_field_that_is_missing_is_named() -> None:
    async def story(room: Room) -> None:
        answer = await room.post("/old.v1.Forms/File", {})
        assert answer.status == 400
        assert "name" in answer.json["message"]

    play(story)


@pytest.mark.parametrize(
    ("path", "status", "code", "says"),
    [
        ("/shop.v1.Order/Process", 404, "unimplemented", r"did you mean shop\.v1\.Orders or"),
        ("/shop.v1.Orders/Proces", 404, "unimplemented", r"has no handler 'Proces'; it has Process$"),
        ("/shop.v1.Orders/Audit", 404, "unimplemented", r"has no handler 'Audit'"),
        ("/shop.v1.Backstage/Sweep", 404, "unimplemented", r"no service 'shop.v1.Backstage'"),
        ("/nothing", 404, "unimplemented", r"call /package\.Service/Method"),
        ("/" + "x" * 5_000, 404, "unimplemented", r"names no handler"),
        ("/shop.v1.Orders/Process%FF", 404, "unimplemented", r"has no handler"),
    ],
)
def test_a_path_that_is_not_served_is_refused_with_what_is(path: str, status: int, code: str, says: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.post(path, {})
        assert (answer.status, answer.json["code"]) == (status, code)
        assert re.search(says, answer.json["message"]), answer.json["message"]

    play(story)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", shop.PROCESS, "POST"),
        ("HEAD", shop.PROCESS, "POST"),
        ("OPTIONS", shop.PROCESS, "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("POST", "/invocations/inv_1/output", "GET, HEAD"),
        ("DELETE", "/invocations/inv_1/attach", "GET, POST"),
        ("GET", "/invocations/inv_1/cancel", "POST"),
        ("PUT", "/invocations/inv_1/signals/approved", "POST"),
        ("DELETE", "/workflows/shop.v1.Signups/ada/attach", "GET, POST"),
        ("POST", "/workflows/shop.v1.Signups/ada/output", "GET, HEAD"),
        ("GET", "/workflows/shop.v1.Signups/ada/cancel", "POST"),
        ("GET", "/awakeables/awk_1/resolve", "POST"),
        ("GET", "/awakeables/awk_1/reject", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allow: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allow)
        if method != "HEAD":
            assert f"not {method}" in answer.json["message"]

    play(story)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "content-type is missing; send application/json"),
        ({"content-type": "text/plain"}, "content-type is text/plain"),
        ({"content-type": "application/connect+json"}, "application/connect+json"),
        ({**JSON, "content-encoding": "br"}, "bodies in br are not understood"),
    ],
)
def test_a_body_in_another_form_is_refused_with_the_forms_that_are_read(headers: dict[str, str], says: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("POST", shop.PROCESS, b"{}", headers)
        assert answer.status == 415
        assert says in answer.json["message"]

    play(story)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("connect-timeout-ms", "1s"),
        ("connect-protocol-version", "2"),
        ("perdure-mode", "later"),
        ("perdure-delay", "soon"),
        ("idempotency-key", "k" * 1_025),
    ],
)
def test_a_header_that_cannot_be_read_is_named(name: str, text: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("POST", shop.PROCESS, b"{}", {**JSON, name: text})
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert name in answer.json["message"]
        assert room.node.submitted == []

    play(story)


def test_a_call_of_an_object_without_its_key_is_refused_with_the_field() -> None:
    async def story(room: Room) -> None:
        answer = await room.post(shop.ADD, {"amount": 2})
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert "shop.v1.Account.customer is empty" in answer.json["message"]

    play(story)


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"{}", "is said to be gzip but is not"), (gzip.compress(b"{}")[:-4], "ends too early")],
    ids=["not gzip", "cut off"],
)
def test_broken_gzip_is_refused(body: bytes, says: str) -> None:
    async def story(room: Room) -> None:
        answer = await room.post(shop.PROCESS, body, content_encoding="gzip")
        assert answer.status == 400
        assert says in answer.json["message"]

    play(story)


def test_a_few_bytes_that_stand_for_many_are_refused() -> None:
    async def story(room: Room) -> None:
        answer = await room.post(shop.PROCESS, gzip.compress(b" " * 1_000_000), content_encoding="gzip")
        assert (answer.status, answer.json["code"]) == (413, "resource_exhausted")

    play(story, Limits(message_bytes=100_000))


def test_a_terminal_error_comes_as_its_handler_raised_it_with_details_that_people_can_read() -> None:
    out_of_stock = _message("shop.v1.OutOfStock", sku="tea")
    packed = any_pb2.Any(type_url="type.googleapis.com/shop.v1.OutOfStock", value=out_of_stock.SerializeToString())

    async def story(room: Room) -> None:
        room.node.rule = lambda submission: failure(9, "no tea, désolé", [packed])
        answer = await room.post(shop.PROCESS, {})
        assert (answer.status, answer.headers["perdure-invocation-id"]) == (400, "inv_1")
        assert answer.json["code"] == "failed_precondition"
        assert answer.json["message"] == "no tea, désolé"
        (detail,) = answer.json["details"]
        assert (detail["type"], detail["debug"]) == ("shop.v1.OutOfStock", {"sku": "tea"})
        assert b64decode(detail["value"] + "==") == packed.value

    play(story)


def test_a_detail_that_nobody_knows_is_passed_on_unread() -> None:
    async def story(room: Room) -> None:
        packed = any_pb2.Any(type_url="type.googleapis.com/elsewhere.v1.Thing", value=b"\xff")
        room.node.rule = lambda submission: failure(5, "gone", [packed])
        assert (await room.post(shop.PROCESS, {})).json["details"] == [{"type": "elsewhere.v1.Thing", "value": "/w"}]

    play(story)


def test_details_that_are_none_do_not_hide_the_error() -> None:
    async def story(room: Room) -> None:
        outcome = failure(5, "gone")
        outcome.failure.details.append(b"\xff")
        room.node.rule = lambda submission: outcome
        assert (await room.post(shop.PROCESS, {})).json["message"] == "gone"

    play(story)


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (1, "canceled", 499),
        (2, "unknown", 500),
        (3, "invalid_argument", 400),
        (4, "deadline_exceeded", 504),
        (5, "not_found", 404),
        (6, "already_exists", 409),
        (7, "permission_denied", 403),
        (8, "resource_exhausted", 429),
        (9, "failed_precondition", 400),
        (10, "aborted", 409),
        (11, "out_of_range", 400),
        (12, "unimplemented", 501),
        (13, "internal", 500),
        (14, "unavailable", 503),
        (15, "data_loss", 500),
        (16, "unauthenticated", 401),
        (0, "unknown", 500),
        (99, "unknown", 500),
    ],
)
def test_each_code_has_the_name_and_status_that_connect_gives_it(number: int, code: str, status: int) -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: failure(number, "said so")
        answer = await room.post(shop.PROCESS, {})
        assert (answer.json["code"], answer.status) == (code, status)

    play(story)


@pytest.mark.parametrize(
    ("trouble", "says", "invocation_id"),
    [
        (NotAccepted("the disk is full"), "was not accepted: the disk is full; try again", None),
        (EndpointUnavailable("inv_7", "shop:9080", "refused"), "endpoint at shop:9080", "inv_7"),
    ],
)
def test_what_the_node_cannot_do_now_is_unavailable(trouble: Exception, says: str, invocation_id: str | None) -> None:
    async def story(room: Room) -> None:
        room.node.trouble = trouble
        answer = await room.post(shop.PROCESS, {})
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert says in answer.json["message"]
        assert answer.headers.get("perdure-invocation-id") == invocation_id

    play(story)


def test_an_error_that_nobody_foresaw_is_answered_with_its_id_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story(room: Room) -> None:
        room.node.trouble = RuntimeError("secret")
        answer = await room.post(shop.PROCESS, {})
        assert (answer.status, answer.json["code"]) == (500, "internal")
        assert "secret" not in answer.json["message"]
        assert answer.json["message"].rpartition(" ")[2] in caplog.text

    play(story)


def test_a_response_that_has_no_json_is_said_to_be_so_and_names_its_invocation() -> None:
    async def story(room: Room) -> None:
        response = shop.contracts().handlers[shop.PROCESS].response()
        response.extra.CopyFrom(type(response.extra)(type_url="type.googleapis.com/elsewhere.v1.Thing"))  # type: ignore[attr-defined]
        room.node.rule = lambda submission: value(response)
        answer = await room.post(shop.PROCESS, {})
        assert (answer.status, answer.headers["perdure-invocation-id"]) == (500, "inv_1")
        assert "ask for application/proto" in answer.json["message"]

    play(story)


def _message(name: str, **fields: object) -> Message:
    pool: descriptor_pool.DescriptorPool = shop.contracts()["shop.v1.Orders"].descriptors.pool
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))(**fields)
