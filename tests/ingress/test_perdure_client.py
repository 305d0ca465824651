"""perdure's own client at the real ingress: both sides mean the same."""

import asyncio

import pytest
from perdure import Client, StatusCode, TerminalError
from perdure.calls import WorkflowRun
from perdure.generic import GenericClient
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.ingress.port import AwakeableFacts, WorkflowId

from tests.ingress.desk_room import Room, given, hold, meet, receipt
from tests.sdk.contract import Word

ORDER = b"\x0a\x03o-1"


def test_a_call_that_runs_is_answered_while_the_node_drains() -> None:
    async def story(room: Room) -> None:
        room.invocations.handle = hold
        async with Client(room.address) as client:
            waiting = asyncio.ensure_future(GenericClient(client).call("shop.v1.Orders", "Process", ORDER))
            await room.invocations.until_submitted(1)
            closing = asyncio.create_task(room.ingress.close(60))
            # It says goodbye in its first turn, so that the answer comes after that.
            await asyncio.sleep(0)
            await room.invocations.end("inv_1", given(receipt("r-1")))
            assert await waiting == b"\x0a\x03r-1"
            await closing

    meet(story)


def test_signals_and_cancellations_arrive_as_they_were_meant() -> None:
    async def story(room: Room) -> None:
        ada = WorkflowId("shop.v1.Signup", "ada")
        room.invocations.known = {"inv_1", ada}
        async with Client(room.address) as client:
            await client.handle("inv_1", Word).signal("approved", Word(text="yes"))
            await client.handle("inv_1", Word).cancel()
            await client._cancel(WorkflowRun("shop.v1.Signup", "Run", "ada"))
        assert room.invocations.signals == [("inv_1", "approved", Outcome(value=b"\x0a\x03yes"))]
        assert room.invocations.cancelled == ["inv_1", ada]

    meet(story)


def test_awakeables_arrive_as_they_were_meant() -> None:
    async def story(room: Room) -> None:
        room.invocations.awakeables = {"awk_1": AwakeableFacts("shop.v1.Books", "shop.v1.Order")}
        async with Client(room.address) as client:
            await client.resolve_awakeable("awk_1", Word(text="o-1"))
            await client.reject_awakeable("awk_1", "declined", code=StatusCode.ABORTED)
            with pytest.raises(TerminalError, match="NOT_FOUND: there is no awakeable 'awk_2'"):
                await client.resolve_awakeable("awk_2", Word())
        assert room.invocations.completed == [
            ("awk_1", Outcome(value=ORDER)),
            ("awk_1", Outcome(failure=Failure(code=10, message="declined"))),
        ]

    meet(story)
