"""How calls end before their answers: deadlines, callers that leave, nodes that stop, peers that stall."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

import grpc
import grpc.aio
import pytest
from h2.errors import ErrorCodes
from h2.events import StreamReset
from hyperframe.frame import GoAwayFrame
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.limits import Limits

from tests.ingress.grpc.node import ORDER, PROCESS, RECEIPT, Room, room
from tests.ingress.grpc.peer import Peer, frame, peer

STALLING = Limits(stalled_s=0.1)
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
WATCH = "/grpc.health.v1.Health/Watch"
Story = Callable[[Room], Coroutine[None, None, None]]


def tell(shop: Contracts, story: Story, limits: Limits | None = None) -> None:
    """Runs a story with a node."""

    async def run() -> None:
        async with room(shop, limits) as there:
            await story(there)

    asyncio.run(run())


def test_a_deadline_that_passes_tells_the_invocation_id_and_the_invocation_goes_on(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        # grpc.aio ends the call at the deadline itself, so the answer of the node is asked for frame by frame.
        async with peer(there.ingress.port) as caller:
            stream = await caller.call(PROCESS, ORDER, grpc_timeout="50m")
            answer = await caller.answer(stream)
        assert answer["grpc-status"] == "4"
        assert answer["perdure-invocation-id"] == "inv_1"
        assert "invocation inv_1 ended; it goes on" in answer["grpc-message"]
        there.node.end("inv_1")
        async with there.channel() as channel:
            asked = b"\x0a\x05inv_1"
            assert RECEIPT in await channel.unary_unary("/perdure.ingress.v1.IngressService/Attach", bytes, bytes)(
                asked
            )

    tell(shop, story)


def test_a_client_sees_its_deadline(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            assert (
                await channel.unary_unary(PROCESS, bytes, bytes)(ORDER, timeout=0.05).code()
                is grpc.StatusCode.DEADLINE_EXCEEDED
            )
            there.node.holds = False
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER, timeout=30) == RECEIPT

    tell(shop, story)


@pytest.mark.parametrize("timeout", ["99999999H", "1n", "0S"])
def test_the_longest_and_the_shortest_deadlines_are_understood(shop: Contracts, timeout: str) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = await caller.call(PROCESS, ORDER, grpc_timeout=timeout)
            assert (await caller.answer(stream))["grpc-status"] in ("0", "4")

    tell(shop, story)


@pytest.mark.parametrize("timeout", ["5", "-1S", "1x", "123456789S"])
def test_a_deadline_that_is_none_is_refused(shop: Contracts, timeout: str) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = await caller.call(PROCESS, ORDER, grpc_timeout=timeout)
            answer = await caller.answer(stream)
            assert answer["grpc-status"] == "3"
            assert "write digits and a unit, such as 500m" in answer["grpc-message"]

    tell(shop, story)


def test_a_caller_that_cancels_ends_the_waiting_and_not_the_invocation(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(ORDER)
            await there.node.submissions_reach(1)
            call.cancel()
            async with there.node.submitted:
                await there.node.submitted.wait_for(lambda: there.node.given_up == ["inv_1"])
            attached = channel.unary_unary("/perdure.ingress.v1.IngressService/Attach", bytes, bytes)(b"\x0a\x05inv_1")
            there.node.end("inv_1")
            assert RECEIPT in await attached

    tell(shop, story)


def test_a_connection_that_breaks_ends_the_waiting_of_all_its_calls(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with peer(there.ingress.port) as caller:
            for _ in range(3):
                await caller.call(PROCESS, ORDER)
            await there.node.submissions_reach(3)
        async with there.node.submitted:
            await there.node.submitted.wait_for(lambda: len(there.node.given_up) == 3)

    tell(shop, story)


@pytest.mark.parametrize("path", [PROCESS, "/shop.v1.Nobody/Calls"])
def test_a_call_that_is_reset_in_the_same_breath_harms_no_other(shop: Contracts, path: str) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            reset = caller.open_soon(path)
            caller.h2.send_data(reset, frame(ORDER) + b"too much", end_stream=True)
            caller.h2.reset_stream(reset, ErrorCodes.CANCEL)
            whole = await caller.call(PROCESS, ORDER)
            assert (await caller.answer(whole))["grpc-status"] == "0"

    tell(shop, story)


def test_a_peer_that_says_goodbye_after_its_calls_gives_up_on_them_without_an_error(
    shop: Contracts, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with peer(there.ingress.port) as caller:
            await caller.call(PROCESS, ORDER)
            await there.node.submissions_reach(1)
            caller.open_soon("/shop.v1.Nobody/Calls")
            caller.writer.write(caller.h2.data_to_send() + GoAwayFrame().serialize())
            await caller.closed()
        assert there.node.given_up == ["inv_1"]

    tell(shop, story)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00" * 9 + b"\xff" * 200,
        b"\xff" * 300,
        b"\x00\x40\x01",
        b"\x00\x00\x04\x03\x00\x00\x00\x00\x00" + bytes(4),
        b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff\xff",
        b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    ],
    ids=["zeros", "ones", "a frame of one byte too many", "reset of stream 0", "broken header block", "no window"],
)
def test_broken_bytes_close_only_their_connection(shop: Contracts, nonsense: bytes) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel, peer(there.ingress.port) as caller:
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT
            caller.writer.write(nonsense)
            await caller.writer.drain()
            await caller.closed()
            assert caller.goodbye() is not None
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT

    tell(shop, story)


def test_a_frame_that_http2_does_not_define_is_passed_over(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            caller.writer.write(b"\x00\x00\x03\xfa\x00\x00\x00\x00\x00abc")
            stream = await caller.call(PROCESS, ORDER)
            assert (await caller.answer(stream))["grpc-status"] == "0"

    tell(shop, story)


# A node that stops.


def test_a_node_that_drains_takes_no_new_streams_and_answers_those_that_run(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with peer(there.ingress.port) as caller:
            running = await caller.call(PROCESS, ORDER)
            await there.node.submissions_reach(1)
            closing = asyncio.ensure_future(there.ingress.close(30))
            # A stream that crosses the goodbye on its way: the frame is kept from h2, which would not open it.
            await caller.hear_goodbye()
            late = await caller.call(PROCESS, ORDER)
            await caller.hear(lambda: caller.has_ended(late))
            reset = next(event for event in caller.heard if isinstance(event, StreamReset))
            assert (reset.stream_id, reset.error_code) == (late, ErrorCodes.REFUSED_STREAM)
            there.node.end("inv_1")
            assert (await caller.answer(running))["grpc-status"] == "0"
            await caller.closed()
            await closing
        assert list(there.node.submissions) == ["inv_1"]

    tell(shop, story)


def test_a_client_of_a_node_that_drains_gets_its_answer(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(ORDER)
            await there.node.submissions_reach(1)
            closing = asyncio.ensure_future(there.ingress.close(30))
            await asyncio.sleep(0)
            there.node.end("inv_1")
            assert await call == RECEIPT
            await closing

    tell(shop, story)


def test_what_runs_after_the_grace_is_unavailable_with_a_sentence(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(ORDER)
            await there.node.submissions_reach(1)
            await there.ingress.close(0)
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
            assert "the node stops; what was accepted runs" in str(await call.details())

    tell(shop, story)


def test_an_idle_connection_and_an_idle_conversation_do_not_hold_a_node_that_drains(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as idle, there.channel() as channel:
            assert await idle.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT
            asking = channel.stream_stream(REFLECTION, bytes, bytes)()
            await asking.write(b"")
            await asking.read()
            # Not cut: the grace is longer than any test waits.
            await asyncio.wait_for(there.ingress.close(3_600), 10)
            assert await asking.code() is grpc.StatusCode.UNAVAILABLE

    tell(shop, story)


# Peers that stall.


@pytest.mark.parametrize("begun", [b"", b"\x00", b"\x00\x00\x00\x00\x05", b"\x00\x00\x00\x00\x05ab"])
def test_a_call_whose_body_does_not_go_on_is_ended_and_others_on_its_connection_are_not(
    shop: Contracts, begun: bytes
) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with peer(there.ingress.port) as caller:
            running = await caller.call(PROCESS, ORDER)
            stalling = caller.open_soon(PROCESS)
            await caller.send(stalling, begun)
            answer = await caller.answer(stalling)
            assert answer["grpc-status"] == "4"
            assert "neither went on with its message nor took the answer for 0.1 s" in answer["grpc-message"]
            there.node.end("inv_1")
            assert (await caller.answer(running))["grpc-status"] == "0"

    tell(shop, story, STALLING)


def test_a_conversation_may_pause_between_messages_but_not_inside_one(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            pausing, stalling = caller.open_soon(REFLECTION), caller.open_soon(REFLECTION)
            await caller.send(pausing, frame(b""))
            await caller.send(stalling, frame(b"")[:3])
            assert (await caller.answer(stalling))["grpc-status"] == "4"
            await caller.send(pausing, frame(b""), end=True)
            assert (await caller.answer(pausing))["grpc-status"] == "0"
            assert caller.body(pausing) == 2 * caller.body(pausing)[: len(caller.body(pausing)) // 2] != b""

    tell(shop, story, STALLING)


def test_an_answer_that_is_not_taken_is_given_up_and_others_on_its_connection_are_not_held(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.result.value = b"r" * 1_000
        async with peer(there.ingress.port, window=100) as caller:
            caller.acknowledges = False
            stalling = await caller.call(PROCESS, ORDER)
            await caller.hear(lambda: len(caller.body(stalling)) == 100)
            reading = await caller.call(PROCESS, ORDER)
            caller.h2.increment_flow_control_window(2_000, reading)
            await caller.flush()
            assert (await caller.answer(reading))["grpc-status"] == "0"
            await caller.hear(lambda: caller.has_ended(stalling))
            reset = next(event for event in caller.heard if isinstance(event, StreamReset))
            assert (reset.stream_id, reset.error_code) == (stalling, ErrorCodes.CANCEL)
            assert caller.body(reading) == frame(b"r" * 1_000)

    tell(shop, story, STALLING)


def test_an_answer_that_is_taken_slowly_arrives_in_full(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.result.value = b"r" * 400
        async with peer(there.ingress.port, window=100) as caller:
            caller.acknowledges = False
            stream = await caller.call(PROCESS, ORDER)
            for taken in (100, 200, 300, 400):
                await caller.hear(lambda taken=taken: len(caller.body(stream)) == taken)  # type: ignore[misc]
                # Longer than the node waits for a peer that does nothing, all together.
                await asyncio.sleep(STALLING.stalled_s / 2)
                caller.h2.increment_flow_control_window(100, stream)
                await caller.flush()
            assert (await caller.answer(stream))["grpc-status"] == "0"
            assert caller.body(stream) == frame(b"r" * 400)

    tell(shop, story, STALLING)


def test_a_peer_that_does_not_read_is_not_read_from_then_cut_and_the_rest_is_served(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.result.value = b"r" * 1_000_000
        options = ("grpc.max_receive_message_length", -1)
        async with peer(there.ingress.port, window=2**30, limit=1_024) as caller, there.channel(options) as channel:
            caller.h2.increment_flow_control_window(2**30)
            # The window of the connection comes with the server's greeting.
            await caller.settle()
            asking = asyncio.ensure_future(_ask_without_reading(caller))
            await there.node.submissions_reach(5)
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) is not None
            with pytest.raises(ConnectionError):
                await asking
            # What was asked before the node stopped reading is all that it has run.
            assert len(there.node.submissions) < 500

    tell(shop, story, STALLING)


async def _ask_without_reading(caller: Peer) -> None:
    """Asks for 500 MB. To know that the connection is gone it has to send: to read would be to stall no more."""
    for _ in range(500):
        await caller.call(PROCESS, b"\x0a\x90\x4e" + b"o" * 10_000)
    while True:
        caller.h2.ping(bytes(8))
        await caller.flush()
        await asyncio.sleep(0.01)
