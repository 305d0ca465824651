"""From a checked request to the answer of the node, and its errors in the words of callers."""

import asyncio

import pytest
from grpclib.const import Status
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.desk import Desk, parse, value_of
from perdure_runtime.ingress.port import EndpointUnavailable, NodeStops, NotAccepted
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import Wishes

from tests.ingress.desk_room import BALANCE, HIDDEN, PRIVATE, PROCESS, FakeInvocations, failed, hold, order, shop, text

CALL = Wishes()


def unknown(path: str, contracts: Contracts | None = None) -> str:
    """The sentence about a path that is not served."""
    invocations = FakeInvocations()
    invocations.contracts = shop() if contracts is None else contracts
    with pytest.raises(Refusal) as caught:
        Desk(invocations).handler(path)
    assert (caught.value.code, caught.value.http_status) == (Status.UNIMPLEMENTED, 404)
    return caught.value.message


def call(invocations: FakeInvocations, wishes: Wishes = CALL, timeout_s: float | None = None) -> Refusal:
    """How a call of Orders/Process is refused."""

    async def run() -> Refusal:
        desk = Desk(invocations)
        with pytest.raises(Refusal) as caught:
            await desk.call(desk.handler(PROCESS), order("o-1"), b"", wishes, timeout_s)
        return caught.value

    return asyncio.run(run())


def test_a_public_handler_is_found_by_its_path() -> None:
    handler = Desk(FakeInvocations()).handler(PROCESS)
    assert (handler.service, handler.name) == ("shop.v1.Orders", "Process")


@pytest.mark.parametrize("path", [PRIVATE, "/shop.v1.Orders/Nothing", "shop.v1.Orders/Nothing"])
def test_an_unknown_handler_is_told_those_that_there_are(path: str) -> None:
    assert unknown(path).endswith("it has Process")


def test_an_unknown_service_is_told_near_names() -> None:
    assert "did you mean shop.v1.Orders" in unknown("/shop.v1.Order/Process")
    assert "registered are shop.v1.Orders, shop.v1.Account" in unknown("/zzz/Process")


def test_a_hidden_service_is_never_named() -> None:
    assert "did you mean shop.v1.Books" not in unknown(HIDDEN)
    assert "shop.v1.Books" not in unknown("/shop.v1.Book/Close").partition(";")[2]


@pytest.mark.parametrize("path", ["", "/", "nothing", "//", "//Process"])
def test_what_names_no_handler_is_told_how_to(path: str) -> None:
    assert "call /package.Service/Method" in unknown(path)


def test_a_node_without_deployments_says_how_to_register_one() -> None:
    assert "perdure deployments register" in unknown(PROCESS, Contracts())


def test_a_very_long_path_is_not_echoed() -> None:
    assert len(unknown("/" + "x" * 100_000 + "/y")) < 1_000
    assert len(unknown("/shop.v1.Orders/" + "x" * 100_000)) < 1_000


def test_a_request_that_is_no_such_message_is_refused_with_its_type() -> None:
    with pytest.raises(Refusal, match=r"no shop.v1.Order: .*; send the message that shop.v1.Orders/Process takes"):
        parse(shop().handlers[PROCESS], b"\xff\xff")


def test_a_missing_key_is_said_with_its_field() -> None:
    async def run() -> None:
        desk = Desk(FakeInvocations())
        handler = desk.handler(BALANCE)
        with pytest.raises(Refusal, match=r"shop.v1.Keyed.account is empty; it is the key of the virtual object"):
            await desk.call(handler, handler.request(), b"", CALL, None)

    asyncio.run(run())


def test_a_send_does_not_wait() -> None:
    async def run() -> None:
        invocations = FakeInvocations()
        invocations.handle = hold
        desk = Desk(invocations)
        answer = await desk.call(desk.handler(PROCESS), order("o-1"), b"", Wishes(one_way=True, delay_ms=7), None)
        assert (answer.invocation_id, answer.value) == ("inv_1", None)
        assert invocations.submissions[0].delay_ms == 7

    asyncio.run(run())


@pytest.mark.parametrize("timeout_s", [None, 60.0])
def test_what_the_node_says_is_told_as_unavailable_with_the_invocation(timeout_s: float | None) -> None:
    for error in (EndpointUnavailable("inv_1", "localhost:9080", "refused"), NodeStops("inv_1")):
        invocations = FakeInvocations()
        invocations.handle = lambda submission, error=error: error  # type: ignore[misc]
        refusal = call(invocations, timeout_s=timeout_s)
        assert (refusal.code, refusal.invocation_id, refusal.ended) == (Status.UNAVAILABLE, "inv_1", False)


def test_a_call_that_was_not_accepted_names_no_invocation() -> None:
    invocations = FakeInvocations()
    invocations.accept = lambda submission: NotAccepted("the disk is full")
    refusal = call(invocations)
    assert (refusal.code, refusal.invocation_id) == (Status.UNAVAILABLE, "")


@pytest.mark.parametrize("timeout_s", [0.01, 0.0, -1.0])
def test_a_deadline_that_passes_while_an_invocation_runs_names_it(timeout_s: float) -> None:
    invocations = FakeInvocations()
    invocations.handle = hold
    refusal = call(invocations, timeout_s=timeout_s)
    assert (refusal.code, refusal.invocation_id) == (Status.DEADLINE_EXCEEDED, "inv_1")


def test_a_timeout_error_of_the_node_itself_is_no_deadline_of_the_caller() -> None:
    async def run() -> None:
        invocations = FakeInvocations()
        invocations.handle = lambda submission: TimeoutError("the store")
        desk = Desk(invocations)
        for timeout_s in (None, 60.0):
            with pytest.raises(TimeoutError, match="the store"):
                await desk.call(desk.handler(PROCESS), order("o-1"), b"", CALL, timeout_s)

    asyncio.run(run())


def test_a_terminal_error_keeps_its_code_sentence_and_details() -> None:
    with pytest.raises(Refusal) as caught:
        value_of(failed(9, "no tea left", text("tea")), "inv_1")
    refusal = caught.value
    assert (refusal.code, refusal.message, refusal.ended) == (Status.FAILED_PRECONDITION, "no tea left", True)
    assert len(refusal.details) == 1


@pytest.mark.parametrize("code", [0, 17, 400, -1])
def test_a_terminal_error_with_no_code_of_grpc_is_unknown(code: int) -> None:
    with pytest.raises(Refusal) as caught:
        value_of(failed(code, "odd"), "inv_1")
    assert caught.value.code is Status.UNKNOWN


def test_an_unknown_invocation_is_named_but_not_at_length() -> None:
    async def run() -> None:
        with pytest.raises(Refusal) as caught:
            await Desk(FakeInvocations()).attach("x" * 10_000, None)
        assert caught.value.code is Status.NOT_FOUND
        assert len(caught.value.message) < 300

    asyncio.run(run())
