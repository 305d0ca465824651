"""A node as a whole, with the benchmarks' endpoint in its process."""

import asyncio

import pytest
from load.v1 import Call
from perdure import codec
from perdure.session import EndpointSession
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import NodeStops, Submission
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node import loop
from perdure_runtime.node.node import Node
from perdure_runtime.partition.input import Input, StepEnded
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.view import View
from perdure_runtime.storage.memory import MemoryStorage

from bench.app import app

STEPS = Submission("load.v1.LoadService", "Steps", "", codec.encode(Call(text="hello")))


async def started() -> Node:
    """A node that serves the endpoint."""
    node = Node(MemoryStorage())
    await node.start()
    transport = LocalTransport(lambda send: EndpointSession(app, send))
    node.invoker.add(transport, Contracts.discovered(app.discovery()))
    return node


def test_an_input_that_cannot_be_applied_costs_its_attempt_and_not_its_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = True

    def apply_once_broken(view: View, input: Input, now_ms: int) -> Step:
        nonlocal broken
        if broken and isinstance(input, StepEnded):
            broken = False
            raise ValueError("a bug")
        return apply(view, input, now_ms)

    monkeypatch.setattr(loop, "apply", apply_once_broken)

    async def story() -> None:
        node = await started()
        async with asyncio.timeout(20):
            _, outcome = await node.router.call(STEPS)
        assert codec.decode(Call, outcome.value) == Call(text="hello")
        await node.close()

    asyncio.run(story())
    assert not broken


def test_who_waits_is_told_that_the_node_stops() -> None:
    async def story() -> None:
        node = await started()
        invocation_id = await node.router.submit(
            Submission("load.v1.LoadService", "Empty", "", codec.encode(Call()), delay_ms=3_600_000)
        )
        waiting = asyncio.create_task(node.router.attach(invocation_id))
        await asyncio.sleep(0)
        await node.close()
        with pytest.raises(NodeStops, match=f"invocation {invocation_id} is accepted and goes on"):
            await waiting

    asyncio.run(story())
