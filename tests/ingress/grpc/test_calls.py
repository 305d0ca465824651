"""What callers of grpc.aio get for their calls of handlers."""

import asyncio
from collections.abc import Callable, Coroutine

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import status_pb2
from perdure_protos.perdure.ingress.v1.ingress_pb2 import InvocationRequest, InvocationResult
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import EndpointUnavailable, Submission

from tests.ingress.grpc.node import ORDER, PROCESS, RECEIPT, UPDATE, FakeNode, Room, failure, room
from tests.ingress.grpc.peer import frame, peer

ATTACH = "/perdure.ingress.v1.IngressService/Attach"
OUTPUT = "/perdure.ingress.v1.IngressService/Output"
Story = Callable[[Room], Coroutine[None, None, None]]


def tell(shop: Contracts, story: Story) -> None:
    """Runs a story with a node."""

    async def run() -> None:
        async with room(shop) as there:
            await story(there)

    asyncio.run(run())


async def refused(channel: grpc.aio.Channel, path: str, message: bytes) -> grpc.aio.AioRpcError:
    """The error of a call."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await channel.unary_unary(path, bytes, bytes)(message)
    return error.value


def test_the_bytes_of_a_call_are_its_input_and_those_of_the_outcome_its_answer(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(ORDER)
            assert await call == RECEIPT
            assert ("perdure-invocation-id", "inv_1") in list(await call.initial_metadata())
        assert there.node.submissions["inv_1"] == Submission("shop.v1.Orders", "Process", "", ORDER)

    tell(shop, story)


def test_the_key_of_an_object_is_read_from_the_request(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            await channel.unary_unary(UPDATE, bytes, bytes)(b"\x12\x05alice")
        assert there.node.submissions["inv_1"].key == "alice"

    tell(shop, story)


def test_metadata_of_a_call_is_its_wishes_and_the_rest_goes_with_the_invocation(shop: Contracts) -> None:
    metadata = (("idempotency-key", "k-1"), ("x-tenant", "acme"), ("authorization", "secret"))

    async def story(there: Room) -> None:
        async with there.channel() as channel:
            await channel.unary_unary(PROCESS, bytes, bytes)(ORDER, metadata=metadata)
        submission = there.node.submissions["inv_1"]
        assert submission.idempotency_key == "k-1"
        assert submission.headers == {"x-tenant": "acme"}

    tell(shop, story)


def test_a_send_is_answered_with_an_empty_response_before_its_invocation_ends(shop: Contracts) -> None:
    metadata = (("perdure-mode", "send"), ("perdure-delay", "1500ms"))

    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(ORDER, metadata=metadata)
            assert await call == b""
            assert ("perdure-invocation-id", "inv_1") in list(await call.initial_metadata())
        assert there.node.submissions["inv_1"].delay_ms == 1_500

    tell(shop, story)


def test_a_service_that_is_registered_while_the_node_runs_can_be_called(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.register(Contracts())
        async with there.channel() as channel:
            error = await refused(channel, PROCESS, ORDER)
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
            assert "no service 'shop.v1.Orders' is registered" in str(error.details())
            there.node.register(shop)
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT

    tell(shop, story)


@pytest.mark.parametrize(
    ("path", "message", "code", "says"),
    [
        (PROCESS, b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "the request is no shop.v1.Order"),
        (UPDATE, b"", grpc.StatusCode.INVALID_ARGUMENT, "shop.v1.Keyed.account is empty; it is the key"),
        ("/shop.v1.Order/Process", b"", grpc.StatusCode.UNIMPLEMENTED, "did you mean shop.v1.Orders"),
        ("/shop.v1.Orders/Cancel", b"", grpc.StatusCode.UNIMPLEMENTED, "has no handler 'Cancel'; it has Process"),
        ("/shop.v1.Orders/Audit", b"", grpc.StatusCode.UNIMPLEMENTED, "has no handler 'Audit'; it has Process"),
        ("/shop.v1.Ledger/Book", b"", grpc.StatusCode.UNIMPLEMENTED, "no service 'shop.v1.Ledger' is registered"),
        ("/" + "x" * 5_000, b"", grpc.StatusCode.UNIMPLEMENTED, "names no handler"),
    ],
    ids=["malformed", "missing key", "unknown service", "unknown method", "private handler", "private service", "long"],
)
def test_a_wrong_call_gets_its_code_and_a_sentence_and_the_connection_serves_on(
    shop: Contracts, path: str, message: bytes, code: grpc.StatusCode, says: str
) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            error = await refused(channel, path, message)
            assert error.code() is code
            assert says in str(error.details())
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == RECEIPT

    tell(shop, story)


def test_a_terminal_error_comes_with_its_code_message_and_details(shop: Contracts) -> None:
    detail = Any()
    detail.Pack(StringValue(value="balance is 3"))

    async def story(there: Room) -> None:
        there.node.result = failure(9, "zu wenig Guthaben: 100 %\nfür ü ☃", [detail.SerializeToString()])
        async with there.channel() as channel:
            error = await refused(channel, PROCESS, ORDER)
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error.details() == "zu wenig Guthaben: 100 %\nfür ü ☃"
        trailing = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
        assert (status.code, status.message, list(status.details)) == (9, error.details(), [detail])
        assert ("perdure-invocation-id", "inv_1") in list(error.initial_metadata())
        assert trailing["perdure-outcome"] == "terminal-error"

    tell(shop, story)


@pytest.mark.parametrize("character", ["x", "☃"])
def test_an_error_larger_than_metadata_may_be_is_cut_and_says_that_details_are_missing(
    shop: Contracts, character: str
) -> None:
    detail = Any()
    detail.Pack(StringValue(value="x" * 20_000))

    async def story(there: Room) -> None:
        there.node.result = failure(9, character * 20_000, [detail.SerializeToString()])
        async with there.channel() as channel:
            error = await refused(channel, PROCESS, ORDER)
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert str(error.details()).startswith(character * 300)
        assert "details of this error are left out" in str(error.details())

    tell(shop, story)


def test_an_unreachable_endpoint_is_unavailable_with_the_invocation_id(shop: Contracts) -> None:
    class AwayNode(FakeNode):
        async def call(self, submission: Submission) -> tuple[str, object]:  # type: ignore[override]
            raise EndpointUnavailable(await self.submit(submission), "localhost:9080", "connection refused")

    async def story(there: Room) -> None:
        there.node.__class__ = AwayNode
        async with there.channel() as channel:
            error = await refused(channel, PROCESS, ORDER)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "inv_1 is accepted and will run" in str(error.details())
        assert ("perdure-invocation-id", "inv_1") in list(error.initial_metadata())

    tell(shop, story)


def test_what_nobody_foresaw_is_internal_with_an_id_for_the_log(
    shop: Contracts, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenNode(FakeNode):
        async def call(self, submission: Submission) -> tuple[str, object]:  # type: ignore[override]
            raise ZeroDivisionError

    async def story(there: Room) -> None:
        there.node.__class__ = BrokenNode
        async with there.channel() as channel:
            error = await refused(channel, PROCESS, ORDER)
        assert error.code() is grpc.StatusCode.INTERNAL
        assert caplog.records[-1].args is not None
        assert str(next(iter(caplog.records[-1].args))) in str(error.details())

    tell(shop, story)


def test_an_invocation_is_attached_to_by_its_id(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.holds = True
        async with there.channel() as channel:
            await channel.unary_unary(PROCESS, bytes, bytes)(ORDER, metadata=(("perdure-mode", "send"),))
            asked = InvocationRequest(invocation_id="inv_1").SerializeToString()
            attached = channel.unary_unary(ATTACH, bytes, bytes)(asked)
            early = await refused(channel, OUTPUT, asked)
            assert early.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert "inv_1 has not ended yet" in str(early.details())
            there.node.end("inv_1")
            result = InvocationResult(value=RECEIPT)
            assert InvocationResult.FromString(await attached) == result
            assert InvocationResult.FromString(await channel.unary_unary(OUTPUT, bytes, bytes)(asked)) == result

    tell(shop, story)


@pytest.mark.parametrize("path", [ATTACH, OUTPUT])
def test_an_unknown_invocation_is_not_found_and_a_failed_one_raises_its_error(shop: Contracts, path: str) -> None:
    async def story(there: Room) -> None:
        there.node.result = failure(6, "exists already")
        async with there.channel() as channel:
            await channel.unary_unary(PROCESS, bytes, bytes)(ORDER, metadata=(("perdure-mode", "send"),))
            unknown = await refused(channel, path, InvocationRequest(invocation_id="inv_7").SerializeToString())
            failed = await refused(channel, path, InvocationRequest(invocation_id="inv_1").SerializeToString())
        assert unknown.code() is grpc.StatusCode.NOT_FOUND
        assert "there is no invocation 'inv_7'" in str(unknown.details())
        assert (failed.code(), failed.details()) == (grpc.StatusCode.ALREADY_EXISTS, "exists already")

    tell(shop, story)


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto", "application/grpc; a=b"])
def test_each_way_to_say_protobuf_is_understood(shop: Contracts, content_type: str) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = await caller.call(PROCESS, ORDER, content_type=content_type)
            assert (await caller.answer(stream))["grpc-status"] == "0"
            assert caller.body(stream) == frame(RECEIPT)

    tell(shop, story)


def test_what_is_no_grpc_gets_a_status_of_http(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            json = await caller.call(PROCESS, b"{}", content_type="application/json")
            assert (await caller.answer(json))[":status"] == "415"
            other = caller.h2.get_next_available_stream_id()
            get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "test")]
            caller.h2.send_headers(other, get, end_stream=True)
            await caller.flush()
            assert (await caller.answer(other))[":status"] == "405"

    tell(shop, story)


def test_gzip_is_understood(shop: Contracts) -> None:
    order = b"\x0a\x80\x80\x04" + b"o" * 65_536

    async def story(there: Room) -> None:
        async with there.channel() as channel:
            call = channel.unary_unary(PROCESS, bytes, bytes)(order, compression=grpc.Compression.Gzip)
            assert await call == RECEIPT
        assert there.node.submissions["inv_1"].input == order

    tell(shop, story)


@pytest.mark.parametrize(
    ("encoding", "message", "status", "says"),
    [
        ("deflate", frame(ORDER, compressed=True), "12", "messages in deflate are not understood"),
        ("gzip", frame(b"not gzip", compressed=True), "3", "said to be gzip but is not"),
        ("gzip", frame(b"\x1f\x8b\x08\x00", compressed=True), "3", "ends too early"),
        ("identity", frame(ORDER, compressed=True), "13", "marked as compressed"),
        ("identity", frame(ORDER)[:-1], "3", "in the middle of its message"),
        ("identity", frame(ORDER) + b"\x00", "3", "more than one message"),
        ("identity", b"", "3", "carries no message"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused(
    shop: Contracts, encoding: str, message: bytes, status: str, says: str
) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = caller.open_soon(PROCESS, grpc_encoding=encoding)
            await caller.send(stream, message, end=True)
            answer = await caller.answer(stream)
            assert answer["grpc-status"] == status
            assert says in answer["grpc-message"]
            assert answer["grpc-accept-encoding"] == "identity,gzip"

    tell(shop, story)


def test_a_body_in_pieces_of_any_size_with_empty_frames_between_is_one_message(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with peer(there.ingress.port) as caller:
            stream = caller.open_soon(PROCESS)
            for byte in frame(ORDER):
                await caller.send(stream, b"")
                await caller.send(stream, bytes((byte,)))
            await caller.send(stream, b"", end=True)
            assert (await caller.answer(stream))["grpc-status"] == "0"
        assert there.node.submissions["inv_1"].input == ORDER

    tell(shop, story)


@pytest.mark.parametrize("size", [0, 1, 16_384, 65_535, 300_000, 5_000_000])
def test_an_answer_of_any_size_arrives_as_it_is(shop: Contracts, size: int) -> None:
    async def story(there: Room) -> None:
        there.node.result.value = bytes(index % 251 for index in range(size))
        async with there.channel(("grpc.max_receive_message_length", -1)) as channel:
            assert await channel.unary_unary(PROCESS, bytes, bytes)(ORDER) == there.node.result.value

    tell(shop, story)
