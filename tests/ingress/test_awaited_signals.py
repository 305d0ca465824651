"""A signal that somebody waits for must be the message that is waited for: another one would never be taken back."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from grpclib.const import Status
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.port import AwakeableFacts
from perdure_runtime.ingress.refusal import Refusal

from tests.ingress.desk_room import FakeInvocations, receipt
from tests.ingress.http import room as http

# Which service waits is of no account: the message that it waits for is.
RECEIPT = AwakeableFacts("shop.v1.Secret", "shop.v1.Receipt")
NO_MESSAGE = b"\xff\xff\xff"


def play(story: Callable[[Desk, FakeInvocations], Coroutine[None, None, None]]) -> None:
    """Runs a story with an invocation that waits for a receipt."""

    async def run() -> None:
        invocations = FakeInvocations()
        invocations.known = {"inv_1"}
        invocations.awaited = {("inv_1", "paid"): RECEIPT}
        await story(Desk(invocations), invocations)

    asyncio.run(run())


def test_the_message_that_is_waited_for_is_taken() -> None:
    async def story(desk: Desk, invocations: FakeInvocations) -> None:
        await desk.signal("inv_1", "paid", receipt("o-1").SerializeToString(), None)
        await desk.signal("inv_1", "paid", receipt("o-2").SerializeToString(), None, "shop.v1.Receipt")
        assert len(invocations.signals) == 2

    play(story)


def test_bytes_that_are_no_such_message_are_refused() -> None:
    async def story(desk: Desk, invocations: FakeInvocations) -> None:
        with pytest.raises(Refusal, match=r"these bytes are no shop\.v1\.Receipt") as refused:
            await desk.signal("inv_1", "paid", NO_MESSAGE, None)
        assert refused.value.code is Status.INVALID_ARGUMENT
        assert invocations.signals == []

    play(story)


def test_another_message_is_refused_with_the_one_to_send() -> None:
    async def story(desk: Desk, invocations: FakeInvocations) -> None:
        with pytest.raises(Refusal, match=r"waits for 'paid' with a shop\.v1\.Receipt, and this is a shop\.v1\.Order"):
            await desk.signal("inv_1", "paid", b"", None, "shop.v1.Order")
        assert invocations.signals == []

    play(story)


def test_what_nobody_waits_for_yet_is_kept_as_it_is() -> None:
    async def story(desk: Desk, invocations: FakeInvocations) -> None:
        await desk.signal("inv_1", "other", NO_MESSAGE, None)
        assert len(invocations.signals) == 1

    play(story)


def test_what_no_contract_tells_is_taken_as_it_is() -> None:
    async def story(desk: Desk, invocations: FakeInvocations) -> None:
        invocations.awaited = {("inv_1", "paid"): AwakeableFacts("shop.v1.Orders", "shop.v1.Forgotten")}
        await desk.signal("inv_1", "paid", NO_MESSAGE, None)
        assert len(invocations.signals) == 1

    play(story)


@pytest.mark.parametrize(
    ("query", "body", "form", "says"),
    [
        ("?type=shop.v1.Line", {}, "application/json", "and this is a shop.v1.Line"),
        ("", NO_MESSAGE, "application/proto", "these bytes are no shop.v1.Receipt"),
    ],
)
def test_over_http_another_message_is_refused(query: str, body: object, form: str, says: str) -> None:
    async def story(room: http.Room) -> None:
        room.node.known = {"inv_1"}
        room.node.awaited = {("inv_1", "paid"): AwakeableFacts("shop.v1.Orders", "shop.v1.Receipt")}
        answer = await room.post(f"/invocations/inv_1/signals/paid{query}", body, content_type=form)
        assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
        assert says in answer.json["message"]
        assert room.node.signals == []

    http.play(story)
