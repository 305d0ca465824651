"""What one caller can take of a node, and that the others do not notice."""

import asyncio
import gzip
from collections.abc import Callable, Coroutine

import grpc
import grpc.aio
from h2.errors import ErrorCodes
from h2.events import StreamReset
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.limits import Limits

from tests.ingress.grpc.node import ORDER, PROCESS, RECEIPT, Room, room
from tests.ingress.grpc.peer import frame, peer

MIB = 1024 * 1024
Story = Callable[[Room], Coroutine[None, None, None]]


def tell(shop: Contracts, story: Story, limits: Limits | None = None) -> None:
    """Runs a story with a node."""

    async def run() -> None:
        async with room(shop, limits) as there:
            await story(there)

    asyncio.run(run())


async def code_of(channel: grpc.aio.Channel, message: bytes) -> grpc.StatusCode:
    """How a call ends."""
    call = channel.unary_unary(PROCESS, bytes, bytes)(message)
    return await call.code()


def order(size: int) -> bytes:
    """A request of about so many bytes."""
    length = bytearray()
    rest = size
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return b"\x0a" + bytes(length) + b"o" * size


def test_a_hundred_mebibytes_are_refused_and_the_connection_serves_on(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel(("grpc.max_send_message_length", -1)) as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(bytes(100 * MIB))
            assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "larger than 33554432 bytes" in str(await call.details())
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT

    tell(shop, story)


def test_a_message_of_just_the_limit_is_taken_and_one_byte_more_is_not(shop: Contracts) -> None:
    limits = Limits(message_bytes=3 * MIB)
    most = order(3 * MIB - 5)

    async def story(there: Room) -> None:
        assert len(most) == limits.message_bytes
        async with there.channel() as channel:
            assert await code_of(channel, most) is grpc.StatusCode.OK
            assert await code_of(channel, order(3 * MIB - 4)) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert there.node.submissions["inv_1"].input == most

    tell(shop, story, limits)


def test_a_message_is_refused_by_its_prefix(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = caller.open_soon(PROCESS)
            await caller.send(stream, b"\x00" + (100 * MIB).to_bytes(4, "big"))
            assert (await caller.answer(stream))["grpc-status"] == "8"

    tell(shop, story)


def test_a_caller_that_is_refused_is_told_to_send_no_more(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = caller.open_soon("/shop.v1.Nobody/Calls")
            await caller.flush()
            await caller.hear(lambda: any(isinstance(event, StreamReset) for event in caller.heard))
            assert caller.headers(stream)["grpc-status"] == "12"
            reset = next(event for event in caller.heard if isinstance(event, StreamReset))
            assert reset.error_code is ErrorCodes.NO_ERROR

    tell(shop, story)


def test_a_gzip_bomb_is_refused_after_its_first_bytes_over_the_limit(shop: Contracts) -> None:
    bomb = gzip.compress(order(100 * MIB))
    assert len(bomb) < MIB

    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = caller.open_soon(PROCESS, grpc_encoding="gzip")
            await caller.pour(stream, frame(bomb, compressed=True), end=True)
            answer = await caller.answer(stream)
            assert answer["grpc-status"] == "8"
            assert "larger than 33554432 bytes" in answer["grpc-message"]

    tell(shop, story)


def test_many_refused_callers_never_starve_the_window_of_their_connection(shop: Contracts) -> None:
    limits = Limits(message_bytes=MIB)

    async def story(there: Room) -> None:
        async with there.channel(("grpc.max_send_message_length", -1)) as channel:
            codes = await asyncio.gather(*(code_of(channel, bytes(4 * MIB)) for _ in range(40)))
            assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT

    tell(shop, story, limits)


def test_calls_that_are_half_sent_never_starve_the_window_of_their_connection(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            for _ in range(40):
                await caller.pour(caller.open_soon(PROCESS), b"\x00" + (30 * MIB).to_bytes(4, "big") + bytes(MIB))
            whole = await caller.call(PROCESS, ORDER)
            assert (await caller.answer(whole))["grpc-status"] == "0"

    tell(shop, story)


def test_requests_that_are_too_large_together_are_refused_and_leave_room_when_they_go(shop: Contracts) -> None:
    limits = Limits(message_bytes=MIB, buffered_bytes=2 * MIB)
    begun = b"\x00" + MIB.to_bytes(4, "big") + bytes(MIB - 100_000)

    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as first, peer(there.ingress.port) as second:
            for caller in (first, first, second):
                stream = caller.open_soon(PROCESS)
                await caller.pour(stream, begun)
                await caller.settle()
            answer = await second.answer(stream)
            assert answer["grpc-status"] == "8"
            assert "too many large requests at once" in answer["grpc-message"]
        async with there.channel() as channel:
            assert await code_of(channel, order(MIB // 2)) is grpc.StatusCode.OK

    tell(shop, story, limits)


def test_a_thousand_calls_run_at_once_on_one_connection(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            calls = [asyncio.ensure_future(code_of(channel, ORDER)) for _ in range(1_000)]
            await there.node.submissions_reach(1_000)
            for invocation_id in there.node.submissions:
                there.node.end(invocation_id)
            assert set(await asyncio.gather(*calls)) == {grpc.StatusCode.OK}

    tell(shop, story)


def test_more_streams_than_allowed_wait_in_a_client_that_keeps_to_the_limit(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            codes = await asyncio.gather(*(code_of(channel, ORDER) for _ in range(50)))
            assert set(codes) == {grpc.StatusCode.OK}

    tell(shop, story, Limits(concurrent_streams=5))


def test_metadata_over_the_limit_is_refused_as_a_call(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = await caller.call(PROCESS, ORDER, x_large="y" * 5_000)
            answer = await caller.answer(stream)
            assert answer["grpc-status"] == "8"
            assert "this node takes 4096 at most" in answer["grpc-message"]
            small = await caller.call(PROCESS, ORDER)
            assert (await caller.answer(small))["grpc-status"] == "0"

    tell(shop, story, Limits(header_bytes=4_096))


def test_metadata_far_over_the_limit_ends_only_its_connection(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel, peer(there.ingress.port) as caller:
            assert await code_of(channel, ORDER) is grpc.StatusCode.OK
            await caller.call(PROCESS, ORDER, x_large="y" * 20_000)
            await caller.closed()
            assert caller.goodbye() is not None
            assert await code_of(channel, ORDER) is grpc.StatusCode.OK

    tell(shop, story, Limits(header_bytes=4_096))
