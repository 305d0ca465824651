"""Callers that wait: one that goes takes nobody else's answer with it."""

import asyncio

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.node.waiters import Waiters

DONE = Outcome(value=b"done")


def test_who_repeats_a_call_is_answered_though_the_one_before_gives_up_late() -> None:
    async def story() -> None:
        waiters = Waiters()
        first = waiters.called("inv_1")
        second = waiters.called("inv_1")
        first.cancel()
        waiters.abandon("inv_1", first)
        waiters.accept("inv_1", "inv_1", False, lambda id: None)
        waiters.end("inv_1", DONE)
        assert await second == ("inv_1", DONE)

    asyncio.run(story())
