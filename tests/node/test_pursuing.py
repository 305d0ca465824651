"""Whoever has an invocation is asked, and asked again where it has moved, or its owner has gone."""

import asyncio

import pytest
from perdure_runtime.ingress.port import (
    AlreadyExists,
    NodeStops,
    NotAccepted,
    UnknownInvocation,
)
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import StorageFailure

from tests.node.town import (
    ORDER,
    PATIENCE_S,
    PLACEMENT,
    SIGNUP,
    Peer,
    Town,
    gone,
    router,
    submits,
)
from tests.peer.residents import VALUE
from tests.simulation import loop


def test_a_partition_that_is_elsewhere_is_asked_there() -> None:
    async def story() -> None:
        town = Town(Peer(), far=Peer())
        town.owner = "far"
        id, outcome = await router(town).call(ORDER)
        assert (id, outcome) == (submits(town._peers["far"])[0].id, VALUE)
        assert town.here.asked == []

    loop.run(story())


@pytest.mark.parametrize("refusal", [Moved(1), gone(sent=False), gone(sent=True), NodeStops("inv_x")])
def test_a_wait_goes_on_at_the_new_owner(refusal: Exception) -> None:
    async def story() -> None:
        town = Town(Peer(), "far", near=Peer(refusal), far=Peer())
        town.owner = "near"
        ended = await router(town).attach("inv_1")
        assert ended.outcome == VALUE
        assert town.suspected == [PLACEMENT.of_invocation("inv_1")]

    loop.run(story())


def test_a_wait_goes_on_elsewhere_where_the_partition_leaves_this_node() -> None:
    async def story() -> None:
        town = Town(Peer(Moved(1)), "far", far=Peer())
        town.here.open.clear()
        waiting = asyncio.create_task(router(town).attach("inv_1"))
        await town.here.until_waiting(1)
        town.here.open.set()
        assert (await waiting).outcome == VALUE

    loop.run(story())


def test_a_partition_that_comes_here_is_asked_here() -> None:
    async def story() -> None:
        town = Town(Peer(), "", "here", near=Peer(Moved(1)))
        town.owner = "near"
        assert (await router(town).attach("inv_1")).outcome == VALUE

    loop.run(story())


def test_news_of_the_directory_are_acted_on_at_once() -> None:
    async def story() -> None:
        town = Town(Peer(), far=Peer())
        town.owner = ""
        waiting = asyncio.create_task(router(town).attach("inv_1"))
        # By now it looks every quarter of a second by itself.
        await asyncio.sleep(10.01)
        town.owner = "far"
        town._news.set()
        begun_at = asyncio.get_running_loop().time()
        await waiting
        assert asyncio.get_running_loop().time() == begun_at

    loop.run(story())


def test_patience_ends_with_a_sentence() -> None:
    async def story() -> None:
        town = Town(Peer(), far=Peer(*[gone(sent=False)] * 1_000))
        town.owner = "far"
        with pytest.raises(
            NotAccepted, match=r"partition \d has had no owner that answers for 30 s \(the node at far:1"
        ):
            await router(town).submit(ORDER)
        assert PATIENCE_S <= asyncio.get_running_loop().time() <= PATIENCE_S + 0.5

    loop.run(story())


def test_a_wait_that_lasted_has_its_whole_patience_when_the_owner_goes() -> None:
    async def story() -> None:
        near = Peer(gone(sent=True))
        near.open.clear()
        town = Town(Peer(), near=near, far=Peer())
        town.owner = "near"
        waiting = asyncio.create_task(router(town).attach("inv_1"))
        await asyncio.sleep(2 * PATIENCE_S)
        town.owner = ""
        near.open.set()
        await asyncio.sleep(PATIENCE_S - 1)
        town.owner = "far"
        assert (await waiting).outcome == VALUE

    loop.run(story())


def test_what_the_owner_refuses_is_refused() -> None:
    async def story() -> None:
        town = Town(Peer(), far=Peer(UnknownInvocation("inv_1"), AlreadyExists("inv_1"), NotAccepted("disk full")))
        town.owner = "far"
        asking = router(town)
        with pytest.raises(UnknownInvocation):
            await asking.output("inv_1")
        with pytest.raises(AlreadyExists):
            await asking.submit(SIGNUP)
        with pytest.raises(NotAccepted, match="disk full"):
            await asking.call(ORDER)
        assert town.suspected == []

    loop.run(story())


def test_a_database_that_cannot_be_read_is_told_in_its_words() -> None:
    async def story() -> None:
        with pytest.raises(NotAccepted, match="the disk has a bad sector"):
            await router(Town(Peer(StorageFailure("the disk has a bad sector")))).attach("inv_1")

    loop.run(story())


def test_a_node_that_stops_tells_its_own_callers_so() -> None:
    async def story() -> None:
        with pytest.raises(NodeStops):
            await router(Town(Peer(NodeStops("inv_1")))).call(ORDER)

    loop.run(story())


def test_whoever_gives_up_waits_at_no_peer_any_more() -> None:
    async def story() -> None:
        far = Peer()
        far.open.clear()
        town = Town(Peer(), far=far)
        town.owner = "far"
        call = asyncio.create_task(router(town).call(ORDER))
        await far.until_waiting(1)
        call.cancel()
        await far.until_withdrawn(1)

    loop.run(story())
