"""Where the invoker sends attempts as endpoints are registered."""

import asyncio

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.input import AttemptLost, Input
from perdure_runtime.partition.rows import Invocation, Running, Target

from tests.invoker.test_connection import FakeTransport, contract_bytes


def start(attempt: int = 1) -> Start:
    """An attempt of Counter/Add."""
    target = Target("shop.v1.Counter", "Add", "a")
    return Start(Invocation("inv_1", target, True, b"", (), "", None, 5, Running(), attempt), (), {})


def counter() -> Contracts:
    """The contract of Counter."""
    return Contracts.described(contract_bytes(), ["shop.v1.Counter"])


def test_an_attempt_without_an_endpoint_starts_anew_when_one_is_registered() -> None:
    async def story() -> None:
        offered: list[Input] = []
        invoker = Invoker(offered.append, lambda connection: None)
        invoker.start(start())
        invoker.add(FakeTransport(), counter())
        assert offered == [AttemptLost("inv_1", 1)]
        await invoker.close()

    asyncio.run(story())


def test_an_attempt_that_waits_for_a_dead_endpoint_starts_anew_at_the_one_registered_in_its_place() -> None:
    async def story() -> None:
        offered: list[Input] = []
        invoker = Invoker(offered.append, lambda connection: None)
        dead, alive = FakeTransport(), FakeTransport()
        invoker.add(dead, counter())
        invoker.start(start())
        alive.up.set()
        invoker.add(alive, counter())
        assert offered == [AttemptLost("inv_1", 1)]
        link = await alive.links.get()
        await asyncio.sleep(0)
        invoker.start(start(attempt=2))
        assert [frame.start.attempt for frame in link.sent] == [2]
        # Nobody is left who would connect to the dead one, should it come back.
        dead.up.set()
        await asyncio.sleep(0)
        assert dead.links.empty()
        await invoker.close()

    asyncio.run(story())
