"""One connection of a JSON caller: many requests, odd bytes, large bodies."""

import asyncio
import tracemalloc

import pytest
from perdure_runtime.ingress.http.connection import MOST_PIPELINED
from perdure_runtime.ingress.limits import MIB, Limits

from tests.ingress.http import shop
from tests.ingress.http.invocations import value
from tests.ingress.http.room import Line, Room, play, request

HEALTH = b"GET /health HTTP/1.1\r\nhost: shop\r\n\r\n"
CALL = request(b"{}")
CHUNKED = (
    b"POST " + shop.PROCESS.encode() + b" HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            for number in range(1, 4):
                line.say(CALL)
                assert (await line.hear()).json == {"orderId": f"o-{number}"}

    play(story)


@pytest.mark.parametrize("wish", [b"HTTP/1.0\r\n", b"HTTP/1.1\r\nconnection: close\r\n"])
def test_a_connection_is_closed_for_who_wishes_so(wish: bytes) -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(b"GET /health " + wish + b"\r\n")
            assert (await line.hear()).status == 200
            assert await line.ended()

    play(story)


def test_pipelined_requests_are_answered_one_after_the_other_in_their_order() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line:
            line.say(CALL + HEALTH + CALL)
            await room.node.arrived.wait()
            assert len(room.node.submitted) == 1
            room.node.end("inv_1", value(shop.receipt("first")))
            room.node.rule = lambda submission: value(shop.receipt("last"))
            answers = [await line.hear() for _ in range(3)]
        assert [answer.json for answer in answers] == [
            {"orderId": "first"},
            {"status": "SERVING"},
            {"orderId": "last"},
        ]

    play(story)


def test_requests_ahead_of_their_answers_are_answered_up_to_a_bound_and_then_refused() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line:
            line.say(CALL + HEALTH * 100 * MOST_PIPELINED)
            await room.node.arrived.wait()
            room.node.end("inv_1", value(shop.receipt("first")))
            answers = [await line.hear() for _ in range(MOST_PIPELINED + 2)]
            assert await line.ended()
        assert [answer.status for answer in answers] == [200] * (MOST_PIPELINED + 1) + [429]

    play(story)


def test_a_caller_that_writes_faster_than_it_is_answered_is_slowed_down_and_answered_all_the_same() -> None:
    async def story(room: Room) -> None:
        body = b'{"customerName": "%b"}' % (b"x" * 20_000)
        count = 10 * MOST_PIPELINED

        async def send(line: Line) -> None:
            for _ in range(count):
                line.say(request(body))
                await line.writer.drain()

        async with room.connected() as line:
            sending = asyncio.create_task(send(line))
            answers = [await line.hear() for _ in range(count)]
            await sending
        assert [answer.json["orderId"] for answer in answers] == [f"o-{number}" for number in range(1, count + 1)]

    play(story)


def test_a_body_that_waits_for_consent_is_asked_for() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            head, _, body = request(b"{}", shop.PROCESS, "expect: 100-continue").partition(b"\r\n\r\n")
            line.say(head + b"\r\n\r\n")
            assert (await line.hear()).status == 100
            line.say(body)
            assert (await line.hear()).status == 200

    play(story)


def test_a_body_that_waits_for_consent_and_is_too_large_is_never_sent() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(request(b"", shop.PROCESS, "expect: 100-continue", f"content-length: {100 * MIB}", "x: ")[:-21])
            line.say(b"\r\n\r\n")
            answer = await line.hear()
            assert (answer.status, answer.headers["connection"]) == (413, "close")
            assert await line.ended()

    play(story)


def test_a_body_over_the_limit_is_refused_by_its_length_and_the_connection_goes_on() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(request(b" " * (10 * MIB)))
            answer = await line.hear()
            assert (answer.status, answer.json["code"]) == (413, "resource_exhausted")
            line.say(HEALTH)
            assert (await line.hear()).status == 200

    play(story, Limits(message_bytes=MIB))


@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 413)])
def test_the_limit_of_a_body_is_exact(size: int, status: int) -> None:
    async def story(room: Room) -> None:
        body = b"{}".ljust(size)
        assert (await room.post(shop.PROCESS, body)).status == status
        async with room.connected() as line:
            line.say(CHUNKED + b"%x\r\n%b\r\n" % (50, body[:50]) + b"%x\r\n%b\r\n0\r\n\r\n" % (size - 50, body[50:]))
            assert (await line.hear()).status == status

    play(story, Limits(message_bytes=100))


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(CHUNKED + (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 20)
            assert (await line.hear()).status == 413

    play(story, Limits(message_bytes=MIB))


def test_a_hundred_mebibytes_get_their_answer_and_take_no_memory() -> None:
    async def story(room: Room) -> None:
        async def send(line: Line) -> None:
            piece = b" " * MIB
            for _ in range(100):
                line.say(b"100000\r\n" + piece + b"\r\n")
                await line.writer.drain()
            line.say(b"0\r\n\r\n")

        async with room.connected() as line:
            line.say(CHUNKED)
            sending = asyncio.create_task(send(line))
            assert (await line.hear()).status == 413
            await sending
            line.say(HEALTH)
            assert (await line.hear()).status == 200
        assert tracemalloc.get_traced_memory()[1] < 32 * MIB

    tracemalloc.start()
    try:
        play(story, Limits(message_bytes=4 * MIB))
    finally:
        tracemalloc.stop()


def test_requests_that_arrive_are_bounded_all_together_and_room_is_given_back() -> None:
    async def story(room: Room) -> None:
        half = b"80000\r\n" + b" " * 0x80000 + b"\r\n"
        async with room.connected() as first, room.connected() as second:
            first.say(CHUNKED + half)
            second.say(CHUNKED + half + half)
            answer = await second.hear()
            assert (answer.status, answer.json["code"]) == (503, "resource_exhausted")
            first.say(b"2\r\n{}\r\n0\r\n\r\n")
            assert (await first.hear()).status == 200
            first.say(CHUNKED + half + b"2\r\n{}\r\n0\r\n\r\n")
            assert (await first.hear()).status == 200

    play(story, Limits(buffered_bytes=MIB))


def test_a_caller_that_hangs_up_in_its_body_leaves_nothing_behind() -> None:
    async def story(room: Room) -> None:
        most = b"f0000\r\n" + b" " * 0xF0000 + b"\r\n"
        for _ in range(3):
            async with room.connected() as line:
                line.say(CHUNKED + most)
                await line.writer.drain()
        async with room.connected() as line:
            line.say(CHUNKED + most + b"2\r\n{}\r\n0\r\n\r\n")
            assert (await line.hear()).status == 200
        assert len(room.node.submitted) == 1

    play(story, Limits(buffered_bytes=MIB))


@pytest.mark.parametrize("path", ["/health?" + "x" * 5_000, "/health"])
def test_headers_over_the_limit_are_refused(path: str) -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(f"GET {path} HTTP/1.1\r\nhost: a\r\n".encode() + b"x: y\r\n" * 1_000 + b"\r\n")
            answer = await line.hear()
            assert (answer.status, answer.json["code"]) == (431, "resource_exhausted")
            assert await line.ended()

    play(story, Limits(header_bytes=4_096))


def test_headers_without_end_are_refused_while_they_come() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(b"GET / HTTP/1.1\r\nx: ")
            hearing = asyncio.create_task(line.hear())
            while not hearing.done():
                line.say(b"y" * 1_000)
                await line.writer.drain()
            assert hearing.result().status == 431

    play(story, Limits(header_bytes=4_096))


def test_headers_behind_a_large_body_are_not_taken_for_large_headers() -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(request(b'{"customerName": "%s"}' % (b"x" * 50_000)) + HEALTH[:-4])
            assert (await line.hear()).status == 200
            line.say(HEALTH[-4:])
            assert (await line.hear()).status == 200

    play(story, Limits(header_bytes=4_096))


@pytest.mark.parametrize(
    "odd",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"\x00" * 64,
        b"PRI * HTTP/2.0\r\nX",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"CONNECT shop:443 HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ],
    ids=["TLS", "words", "zeros", "preface", "version", "url", "utf-8", "CONNECT", "2 lengths", "-1", "list", "header"],
)
def test_bytes_that_are_no_request_are_answered_with_400_and_closed(odd: bytes) -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(odd)
            answer = await line.hear()
            assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
            assert await line.ended()

    play(story)


def test_odd_bytes_behind_a_call_do_not_take_its_answer() -> None:
    async def story(room: Room) -> None:
        room.node.rule = lambda submission: None
        async with room.connected() as line:
            line.say(CALL + b"hello\r\n\r\n")
            await room.node.arrived.wait()
            room.node.end("inv_1", value(shop.receipt("o-1")))
            assert (await line.hear()).json == {"orderId": "o-1"}
            assert (await line.hear()).status == 400
            assert await line.ended()

    play(story)


@pytest.mark.parametrize("before", [b"", HEALTH], ids=["alone", "behind another"])
def test_a_body_that_breaks_is_answered_with_400_and_never_called(before: bytes) -> None:
    async def story(room: Room) -> None:
        async with room.connected() as line:
            line.say(before + CHUNKED + b"2\r\n{}\r\nno size\r\n")
            if before:
                assert (await line.hear()).status == 200
            assert (await line.hear()).status == 400
            assert await line.ended()
        assert room.node.submitted == []

    play(story)


def test_an_offer_to_upgrade_is_passed_over_and_its_body_is_read() -> None:
    async def story(room: Room) -> None:
        called = await room.curl(shop.PROCESS, "--http2", "--json", '{"customerName": "ada"}')
        assert (called.status, called.json) == (200, {"orderId": "o-1"})
        assert room.node.submitted[0].input == shop.basket(customer_name="ada").SerializeToString()

        async with room.connected() as line:
            line.say(request(b"{}", shop.PROCESS, "connection: upgrade", "upgrade: h2c") + HEALTH)
            assert (await line.hear()).json == {"orderId": "o-2"}
            assert (await line.hear()).json == {"status": "SERVING"}

    play(story)
