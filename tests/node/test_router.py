"""The router: where a call goes, and whom it asks."""

import asyncio

import pytest
from perdure_runtime.ingress.port import (
    NotAccepted,
    Submission,
    UnknownAwakeable,
)
from perdure_runtime.partition import ids
from perdure_runtime.partition.rows import IdempotencyKey, Target
from perdure_runtime.peer.port import Moved

from tests.node.town import (
    NOW_MS,
    ORDER,
    PLACEMENT,
    SIGNUP,
    Peer,
    Town,
    router,
    submits,
)
from tests.peer.residents import VALUE
from tests.simulation import loop


def test_a_call_of_a_key_has_the_place_of_the_key() -> None:
    async def story() -> None:
        id = await router(Town(Peer())).submit(SIGNUP)
        assert ids.place_of(id) == ids.place_of_key("shop.v1.Signup", "ada")

    loop.run(story())


def test_a_call_without_a_key_has_the_place_of_its_idempotency_key() -> None:
    async def story() -> None:
        id = await router(Town(Peer())).submit(Submission("shop.v1.Orders", "Process", "", b"", "k"))
        assert ids.place_of(id) == ids.place_of_name(IdempotencyKey(Target("shop.v1.Orders", "Process", ""), "k"))

    loop.run(story())


def test_a_call_that_may_be_anywhere_stays_where_it_came() -> None:
    class Quarter(Town):
        """Partition 3 is here alone."""

        def is_here(self, partition: int) -> bool:
            return partition == 3

    async def story() -> None:
        town = Quarter(Peer(), far=Peer())
        asking = router(town)
        for _ in range(20):
            assert PLACEMENT.of_invocation(await asking.submit(ORDER)) == 3

    loop.run(story())


def test_a_call_is_submitted_with_all_that_its_caller_and_its_contract_say() -> None:
    async def story() -> None:
        town = Town(Peer())
        id = await router(town, 90_000).submit(SIGNUP)
        await router(town, 90_000).submit(ORDER)
        signup, order = submits(town.here)
        assert (signup.id, signup.target, signup.must_be_new) == (id, Target("shop.v1.Signup", "Run", "ada"), True)
        assert signup.mode.once
        assert (order.input, order.headers) == (b"input", (("b", "1"), ("a", "2")))
        assert order.mode.outcome_retention_ms == 90_000

    loop.run(story())


def test_an_awakeable_is_where_its_invocation_is() -> None:
    async def story() -> None:
        town = Town(Peer())
        town.owner = "nowhere"
        with pytest.raises(UnknownAwakeable):
            await router(town).complete_awakeable("none of ours", VALUE)
        invocation_id = ids.mint(NOW_MS, 1, 0xFFFF)
        with pytest.raises(NotAccepted, match="partition 7 "):
            await router(Town(Peer(*[Moved(7)] * 1_000)), patience_s=0).awakeable_type(
                f"awk_{invocation_id.removeprefix('inv_')}_0_c0ffee"
            )

    loop.run(story())


def test_the_router_has_the_contracts_of_its_node() -> None:
    async def story() -> None:
        asking = router(Town(Peer()))
        assert set(asking.contracts) == {"shop.v1.Orders", "shop.v1.Signup"}
        waiting = asyncio.create_task(asking.contracts_changed(asking.contracts))
        await asyncio.sleep(1)
        assert not waiting.done()
        waiting.cancel()

    loop.run(story())
