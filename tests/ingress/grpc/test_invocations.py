"""What callers of grpc.aio ask about invocations, and tell them: perdure.ingress.v1.IngressService."""

import asyncio
from collections.abc import Callable, Coroutine

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from perdure_protos.perdure.ingress.v1.ingress_pb2 import (
    InvocationRequest,
    InvocationResult,
    RejectAwakeableRequest,
    ResolveAwakeableRequest,
    SignalRequest,
    Workflow,
)
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import AwakeableFacts, WorkflowId

from tests.ingress.grpc.node import RECEIPT, RUN, Room, room

ADA = WorkflowId("shop.v1.Signup", "ada")
ADA_ASKED = InvocationRequest(workflow=Workflow(service="shop.v1.Signup", id="ada"))
# Any protobuf library writes Keyed(account="ada") so.
ADA_KEY = b"\x12\x03ada"
ORDER = AwakeableFacts("shop.v1.Ledger", "shop.v1.Order")


def tell(shop: Contracts, story: Callable[[Room, grpc.aio.Channel], Coroutine[None, None, None]]) -> None:
    """Runs a story with a node and a caller."""

    async def run() -> None:
        async with room(shop) as there, there.channel() as channel:
            await story(there, channel)

    asyncio.run(run())


async def ask(channel: grpc.aio.Channel, method: str, request: Message) -> bytes:
    """One rpc."""
    path = f"/perdure.ingress.v1.IngressService/{method}"
    answer: bytes = await channel.unary_unary(path, bytes, bytes)(request.SerializeToString())
    return answer


async def refused(channel: grpc.aio.Channel, method: str, request: Message) -> tuple[grpc.StatusCode, str]:
    """How an rpc is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await ask(channel, method, request)
    return error.value.code(), str(error.value.details())


def test_the_run_of_a_workflow_is_found_by_the_workflow_id(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.holds = True
        await channel.unary_unary(RUN, bytes, bytes)(ADA_KEY, metadata=(("perdure-mode", "send"),))
        early = await refused(channel, "Output", ADA_ASKED)
        assert early[0] is grpc.StatusCode.FAILED_PRECONDITION
        assert early[1].startswith("workflow 'ada' of shop.v1.Signup has not ended yet")
        there.node.end("inv_1")
        for method in ("Attach", "Output"):
            assert InvocationResult.FromString(await ask(channel, method, ADA_ASKED)) == InvocationResult(value=RECEIPT)

    tell(shop, story)


def test_a_result_names_its_invocation_also_when_it_was_asked_for_by_a_workflow_id(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        await channel.unary_unary(RUN, bytes, bytes)(ADA_KEY)
        path = "/perdure.ingress.v1.IngressService/Attach"
        call = channel.unary_unary(path, bytes, bytes)(ADA_ASKED.SerializeToString())
        assert ("perdure-invocation-id", "inv_1") in list(await call.initial_metadata())

    tell(shop, story)


def test_invocations_are_cancelled_and_signalled_by_either_name(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.known = {"inv_1", ADA}
        by_id = InvocationRequest(invocation_id="inv_1")
        for asked in (by_id, ADA_ASKED):
            assert await ask(channel, "Cancel", asked) == b""
            assert await ask(channel, "Signal", SignalRequest(invocation=asked, name="approved", value=b"v")) == b""
        assert there.node.cancelled == ["inv_1", ADA]
        signals = [(name, "approved", Outcome(value=b"v")) for name in ("inv_1", ADA)]
        assert there.node.signals == signals

    tell(shop, story)


@pytest.mark.parametrize("method", ["Attach", "Output", "Cancel", "Signal"])
def test_a_request_that_names_no_invocation_is_told_how_to(shop: Contracts, method: str) -> None:
    request = SignalRequest(name="approved") if method == "Signal" else InvocationRequest()

    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        code, says = await refused(channel, method, request)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert says.endswith("set invocation_id, or workflow with its service and id")

    tell(shop, story)


def test_what_is_no_request_is_refused_with_its_type(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/perdure.ingress.v1.IngressService/Signal", bytes, bytes)(b"\xff\xff")
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "no perdure.ingress.v1.SignalRequest" in str(error.value.details())

    tell(shop, story)


def test_an_awakeable_is_resolved_with_the_bytes_of_its_message(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.awakeables = {"awk_1": ORDER}
        request = ResolveAwakeableRequest(awakeable_id="awk_1", value=b"\x0a\x03o-1")
        assert await ask(channel, "ResolveAwakeable", request) == b""
        assert there.node.completed == [("awk_1", Outcome(value=b"\x0a\x03o-1"))]

    tell(shop, story)


def test_an_awakeable_takes_no_other_message(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.awakeables = {"awk_1": ORDER}
        request = ResolveAwakeableRequest(awakeable_id="awk_1", value=b"\xff\xff")
        code, says = await refused(channel, "ResolveAwakeable", request)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "these bytes are no shop.v1.Order" in says
        assert there.node.completed == []

    tell(shop, story)


@pytest.mark.parametrize(("code", "meant"), [(0, 2), (10, 10)])
def test_an_awakeable_is_rejected_with_a_code_or_with_unknown(shop: Contracts, code: int, meant: int) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.awakeables = {"awk_1": ORDER}
        request = RejectAwakeableRequest(awakeable_id="awk_1", message="declined", code=code)
        assert await ask(channel, "RejectAwakeable", request) == b""
        assert there.node.completed == [("awk_1", Outcome(failure=Failure(code=meant, message="declined")))]

    tell(shop, story)


@pytest.mark.parametrize("code", [17, -1, 400])
def test_a_rejection_with_another_number_is_refused(shop: Contracts, code: int) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.awakeables = {"awk_1": ORDER}
        request = RejectAwakeableRequest(awakeable_id="awk_1", message="declined", code=code)
        assert (await refused(channel, "RejectAwakeable", request))[0] is grpc.StatusCode.INVALID_ARGUMENT

    tell(shop, story)


@pytest.mark.parametrize(
    ("method", "request_type"),
    [("ResolveAwakeable", ResolveAwakeableRequest), ("RejectAwakeable", RejectAwakeableRequest)],
)
def test_an_awakeable_that_nobody_has_is_not_found(
    shop: Contracts, method: str, request_type: type[ResolveAwakeableRequest | RejectAwakeableRequest]
) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        code, says = await refused(channel, method, request_type(awakeable_id="awk_none"))
        assert code is grpc.StatusCode.NOT_FOUND
        assert "there is no awakeable 'awk_none'" in says

    tell(shop, story)


def test_a_signal_to_what_has_ended_is_a_failed_precondition(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        there.node.known = there.node.ended = {ADA}
        code, _ = await refused(channel, "Signal", SignalRequest(invocation=ADA_ASKED, name="approved"))
        assert code is grpc.StatusCode.FAILED_PRECONDITION

    tell(shop, story)


def test_must_be_new_travels_as_metadata(shop: Contracts) -> None:
    async def story(there: Room, channel: grpc.aio.Channel) -> None:
        await channel.unary_unary(RUN, bytes, bytes)(ADA_KEY, metadata=(("perdure-must-be-new", "true"),))
        assert there.node.submissions["inv_1"].must_be_new

    tell(shop, story)
