"""Connections of JSON callers: bounded in time and memory, whatever is written to them."""

import asyncio
import logging

import pytest
from perdure_runtime.ingress.http.connection import MOST_PIPELINED
from perdure_runtime.ingress.limits import Limits

from tests.ingress.desk_room import PROCESS, Room, given, hold, meet, receipt
from tests.ingress.http_caller import JSON, ask, connected, written

SMALL = Limits(message_bytes=10_000, header_bytes=4_000)
IMPATIENT = Limits(stalled_s=0.3, idle_s=60)
CLOSING = JSON | {"connection": "close"}


@pytest.mark.parametrize("name", ["x-long", "x"])
def test_a_header_block_over_the_limit_is_refused(name: str) -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            await caller.request(PROCESS, b"{}", JSON | {name: "v" * 4_000})
            assert (await caller.answer()).error[:2] == (431, "resource_exhausted")
            assert await caller.is_closed()
        many = {f"{name}-{number}": "v" * 40 for number in range(200)}
        assert (await ask(room.port, PROCESS, b"{}", JSON | many)).status == 431
        assert (await ask(room.port, "/" + "p" * 5_000, b"{}")).status == 431
        assert (await ask(room.port, PROCESS, b"{}")).status == 200

    meet(story, SMALL)


def test_a_header_block_that_never_ends_is_refused() -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            await caller.say(b"POST / HTTP/1.1\r\n")
            for number in range(200):
                await caller.say(b"x-%d: %b\r\n" % (number, b"v" * 100))
                await asyncio.sleep(0)
            assert (await caller.answer()).status == 431
            assert await caller.is_closed()

    meet(story, SMALL)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\x00" * 100,
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\nX",
    ],
    ids=["tls", "zeros", "words", "broken preface"],
)
def test_bytes_that_are_no_request_are_refused_and_close_their_connection_alone(garbage: bytes) -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as good, connected(room.port) as bad:
            await bad.say(garbage)
            assert (await bad.answer()).error[:2] == (400, "invalid_argument")
            assert await bad.is_closed()
            assert (await good.ask(PROCESS, b"{}")).status == 200

    meet(story)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "5, 5"},
        {"content-length": "-1"},
        {"content-length": "2", "transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked, identity"},
    ],
    ids=str,
)
def test_a_request_whose_end_is_not_certain_is_refused(headers: dict[str, str]) -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            lines = [f"{name}: {value}" for name, value in (JSON | {"host": "x"} | headers).items()]
            await caller.say("\r\n".join([f"POST {PROCESS} HTTP/1.1", *lines, "", ""]).encode() + b"{}")
            assert (await caller.answer()).status == 400
            assert await caller.is_closed()
        assert room.invocations.submissions == []

    meet(story)


def test_requests_that_are_written_at_once_are_answered_in_their_order() -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            await caller.say(b"".join(written(PROCESS, b'{"id": "%d"}' % number) for number in range(50)))
            answers = [await caller.answer() for _ in range(50)]
            assert [answer.value["id"] for answer in answers] == [str(number) for number in range(50)]

    meet(story)


def test_requests_that_wait_run_one_after_the_other() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room.port) as caller:
            await caller.say(written(PROCESS, b'{"id": "1"}') + written(PROCESS, b'{"id": "2"}'))
            for number in (1, 2):
                await room.invocations.until_submitted(number)
                assert room.invocations.waiting == 1
                await room.invocations.end(f"inv_{number}", given(receipt(f"r-{number}")))
                assert (await caller.answer()).value == {"id": f"r-{number}"}

    meet(story)


def test_too_many_requests_at_once_are_refused_after_those_before_are_answered() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room.port) as caller:
            await caller.say(written(PROCESS, b"{}") * 2_000)
            await room.invocations.until_waiting(1)
            room.invocations.handle = lambda submission: given(receipt("r"))
            await room.invocations.end("inv_1", given(receipt("r")))
            statuses: list[int] = []
            while not statuses or statuses[-1] == 200:
                statuses.append((await caller.answer()).status)
            assert MOST_PIPELINED <= len(statuses) <= MOST_PIPELINED + 2
            assert statuses[-1] == 429

    meet(story)


def test_a_caller_that_wants_to_close_is_answered_and_closed() -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            assert (await caller.ask(PROCESS, b"{}", CLOSING)).status == 200
            assert await caller.is_closed()
        async with connected(room.port) as old:
            await old.say(written(PROCESS, b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
            assert (await old.answer()).status == 200
            assert await old.is_closed()

    meet(story)


def test_a_caller_that_offers_http2_is_answered_in_the_version_that_it_asked_in() -> None:
    async def story(room: Room) -> None:
        offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQAAP__"}
        async with connected(room.port) as caller:
            for _ in range(2):
                assert (await caller.ask(PROCESS, b'{"id": "o-1"}', JSON | offer)).value == {"id": "o-1"}
        async with connected(room.port) as old:
            await old.say(written(PROCESS, b'{"id": "o-1"}', JSON | offer).replace(b"HTTP/1.1", b"HTTP/1.0"))
            assert (await old.answer()).value == {"id": "o-1"}
            assert await old.is_closed()
        async with connected(room.port) as last:
            once = offer | {"connection": f"{offer['connection']}, close"}
            assert (await last.ask(PROCESS, b'{"id": "o-1"}', JSON | once)).value == {"id": "o-1"}
            assert await last.is_closed()

    meet(story)


@pytest.mark.parametrize(
    "begun",
    [written(PROCESS, b'{"id": "o-1"}')[:-4], written(PROCESS)[:-2], b"P", b"PRI * HT"],
    ids=["in its body", "in its headers", "in its first word", "in the preface of http/2"],
)
def test_a_request_that_does_not_go_on_is_cut(begun: bytes) -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            await caller.say(begun)
            await caller.reader.read()
            assert room.invocations.submissions == []
        assert (await ask(room.port, PROCESS, b"{}")).status == 200

    meet(story, Limits(stalled_s=0.3, greeting_s=0.3))


def test_a_body_that_does_not_go_on_is_told_so() -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            await caller.say(written(PROCESS, b'{"id": "o-1"}')[:-4])
            assert (await caller.answer()).error[:2] == (408, "deadline_exceeded")
            assert await caller.is_closed()

    meet(story, IMPATIENT)


def test_a_long_call_is_no_stalled_one() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room.port) as patient, connected(room.port) as stalled:
            await patient.request(PROCESS, b"{}")
            await room.invocations.until_waiting(1)
            await stalled.say(written(PROCESS, b"{}")[:-1])
            await stalled.reader.read()
            await room.invocations.end("inv_1", given(receipt("r-1")))
            assert (await patient.answer()).value == {"id": "r-1"}

    meet(story, IMPATIENT)


def test_a_connection_without_requests_is_closed_after_a_while() -> None:
    async def story(room: Room) -> None:
        async with connected(room.port) as caller:
            assert (await caller.ask(PROCESS, b"{}")).status == 200
            assert await caller.is_closed()

    meet(story, Limits(idle_s=0.3))


def test_a_caller_that_does_not_take_its_answer_is_cut() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = lambda submission: given(receipt("r" * 8_000_000))
        async with connected(room.port) as caller:
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await caller.request(PROCESS, b"{}")
            await room.until_one_is_gone()

    meet(story, IMPATIENT)


def test_a_large_answer_arrives_whole() -> None:
    async def story(room: Room) -> None:
        large = "☕" * 2_000_000
        room.invocations.handle = lambda submission: given(receipt(large))
        async with connected(room.port) as caller:
            assert (await caller.ask(PROCESS, b"{}")).value == {"id": large}
            assert (await caller.ask("/health", method="GET")).status == 200

    meet(story)


def test_a_node_that_closes_answers_what_runs_and_lets_nobody_in() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room.port) as caller, connected(room.port) as idle:
            assert (await idle.ask("/health", method="GET")).status == 200
            await caller.request(PROCESS, b"{}")
            await room.invocations.until_waiting(1)
            await room.ingress.close(0.05)
            assert (await caller.answer()).error[:2] == (503, "unavailable")
            assert await caller.is_closed()
            assert await idle.is_closed()
        await room.invocations.until_waiting(0)
        with pytest.raises(ConnectionRefusedError):
            await ask(room.port, PROCESS)

    meet(story)


def test_a_node_that_closes_waits_for_what_runs() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with connected(room.port) as caller:
            await caller.request(PROCESS, b"{}")
            await room.invocations.until_waiting(1)
            closing = asyncio.create_task(room.ingress.close(60))
            await asyncio.sleep(0)
            await room.invocations.end("inv_1", given(receipt("r-1")))
            answer = await caller.answer()
            assert (answer.value, answer.headers["connection"]) == ({"id": "r-1"}, "close")
            await closing

    meet(story)


def test_a_caller_that_breaks_off_behind_a_broken_request_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        broken = written(PROCESS, headers=JSON | {"transfer-encoding": "chunked"}).replace(
            b"content-length: 0\r\n", b""
        )
        async with connected(room.port) as caller:
            await caller.say(written(PROCESS, b"{}") + broken + b"no chunk")
            await room.invocations.until_waiting(1)
        await room.invocations.until_waiting(0)
        assert (await ask(room.port, "/health", method="GET")).status == 200

    meet(story)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
