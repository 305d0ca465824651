"""Invocations that wait cost a node nothing, and come back in order however many there are."""

import asyncio

from load.v1 import Call, Nap
from perdure import codec
from perdure.session import EndpointSession
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node.node import Node
from perdure_runtime.storage.memory import MemoryStorage

from bench.app import app

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
EMPTY = Submission("load.v1.LoadService", "Empty", "", codec.encode(Call(text="hello")))
NAP = Submission("load.v1.LoadService", "Sleep", "", codec.encode(Nap(duration_ms=HOUR_MS)))


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


async def started(clock: Clock) -> Node:
    """A node that serves the benchmarks' endpoint."""
    node = Node(MemoryStorage(), clock_ms=clock)
    await node.start()
    transport = LocalTransport(lambda send: EndpointSession(app, send))
    node.invoker.add(transport, Contracts.discovered(app.discovery()))
    return node


async def park(node: Node, count: int) -> list[str]:
    """Submits sleepers, and waits until all of them have left memory."""
    ids = await asyncio.gather(*(node.router.submit(NAP) for _ in range(count)))
    async with asyncio.timeout(60):
        while not node.invoker.idle:  # noqa: ASYNC110  # Nothing tells when the last attempt has left.
            await asyncio.sleep(0)
    await node.loop.flush()
    return ids


def test_a_sleeping_invocation_leaves_nothing_in_the_memory_of_the_node() -> None:
    async def story() -> None:
        node = await started(Clock())
        await park(node, 100)
        assert node.loop.in_memory == 0
        await node.close()

    asyncio.run(story())


def test_ten_thousand_timers_due_at_once_do_not_hold_up_a_new_call() -> None:
    async def story() -> None:
        clock = Clock()
        node = await started(clock)
        ids = await park(node, 10_000)
        clock.now_ms += HOUR_MS
        async with asyncio.timeout(120):
            ends = [asyncio.create_task(node.router.attach(id)) for id in ids]
            # Once one of them has come back the burst is on its way.
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await node.router.call(EMPTY)
            assert not all(end.done() for end in ends), "the call was answered only after all sleepers"
            await asyncio.gather(*ends)
        await node.close()

    asyncio.run(story())
