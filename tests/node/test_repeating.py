"""What the router asks again where it is not known whether it was done, and what it does not."""

from collections.abc import Awaitable, Callable

import pytest
from perdure_runtime.ingress.port import (
    EndpointUnavailable,
    NodeStops,
    NotAccepted,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.node.router import Router
from perdure_runtime.partition.input import EditState, SettlePromise
from perdure_runtime.peer.port import Moved

from tests.node.town import ORDER, Peer, Town, gone, router, submits
from tests.peer.residents import VALUE
from tests.simulation import loop


@pytest.mark.parametrize("ask", [lambda asking: asking.submit(ORDER), lambda asking: asking.call(ORDER)])
def test_a_call_is_repeated_under_its_id(ask: Callable[[Router], Awaitable[object]]) -> None:
    async def story() -> None:
        near = Peer(gone(sent=True), gone(sent=False), Moved(1))
        town = Town(Peer(), near=near)
        town.owner = "near"
        await ask(router(town))
        assert len(submits(near)) == 4
        assert len({submit.id for submit in submits(near)}) == 1
        assert [submit.repeated for submit in submits(near)] == [False, True, True, True]

    loop.run(story())


@pytest.mark.parametrize("ask", [lambda asking: asking.submit(ORDER), lambda asking: asking.call(ORDER)])
def test_a_call_that_is_soon_forgotten_is_not_repeated_where_it_may_have_been_accepted(
    ask: Callable[[Router], Awaitable[object]],
) -> None:
    async def story() -> None:
        near = Peer(gone(sent=False), gone(sent=True))
        town = Town(Peer(), near=near)
        town.owner = "near"
        with pytest.raises(EndpointUnavailable, match="may have been accepted as invocation inv_") as told:
            await ask(router(town, retention_ms=59_999))
        assert told.value.invocation_id == submits(near)[0].id
        assert len(submits(near)) == 2

    loop.run(story())


@pytest.mark.parametrize("refusal", [Moved(1, "inv_older"), NodeStops("inv_older")])
def test_of_a_call_that_was_accepted_only_the_end_is_asked_for(refusal: Exception) -> None:
    async def story() -> None:
        far = Peer(gone(sent=True))
        town = Town(Peer(), "far", near=Peer(refusal), far=far)
        town.owner = "near"
        assert await router(town, retention_ms=0).call(ORDER) == ("inv_older", VALUE)
        assert far.asked == [("attach", "inv_older")] * 2

    loop.run(story())


def test_a_call_that_was_accepted_and_has_no_owner_any_more_goes_on() -> None:
    async def story() -> None:
        town = Town(Peer(Moved(1, "inv_1"), Moved(1)), "")
        with pytest.raises(EndpointUnavailable, match="inv_1 is accepted and goes on") as told:
            await router(town).call(ORDER)
        assert told.value.invocation_id == "inv_1"

    loop.run(story())


def test_a_call_that_was_accepted_and_is_forgotten_is_not_made_again() -> None:
    async def story() -> None:
        far = Peer(UnknownInvocation("inv_1"))
        town = Town(Peer(Moved(1, "inv_1"), Moved(1)), "far", far=far)
        with pytest.raises(EndpointUnavailable, match="its outcome is not kept"):
            await router(town, retention_ms=0).call(ORDER)
        assert submits(far) == []

    loop.run(story())


NOT_REPEATED: list[Callable[[Router], Awaitable[object]]] = [
    lambda asking: asking.signal("inv_1", "go", VALUE),
    lambda asking: asking.resume("inv_1", on_newest=True),
    lambda asking: asking.pause("inv_1"),
    lambda asking: asking.stop("inv_1"),
    lambda asking: asking.kill("inv_1"),
    lambda asking: asking.restart("inv_1", 0),
    lambda asking: asking.purge("inv_1"),
    lambda asking: asking.edit_state(EditState("shop.v1.Signup", "ada", "", ())),
    lambda asking: asking.settle_promise(SettlePromise("shop.v1.Signup", "ada", "done", VALUE)),
]


@pytest.mark.parametrize("ask", NOT_REPEATED)
def test_what_would_count_twice_is_not_repeated_where_it_may_be_done(
    ask: Callable[[Router], Awaitable[object]],
) -> None:
    async def story() -> None:
        near = Peer(Moved(1), gone(sent=False), gone(sent=True))
        town = Town(Peer(), near=near)
        town.owner = "near"
        with pytest.raises(NotAccepted, match=r"may have been .* look before you ask for it again"):
            await ask(router(town))
        assert len(near.asked) == 3

    loop.run(story())


REPEATED: list[Callable[[Router], Awaitable[object]]] = [
    lambda asking: asking.output(WorkflowId("shop.v1.Signup", "ada")),
    lambda asking: asking.cancel("inv_1"),
    lambda asking: asking.signal_type("inv_1", "go"),
    lambda asking: asking.handler_of("inv_1"),
    lambda asking: asking.awakeable_type("awk_1_0_c0ffee"),
    lambda asking: asking.complete_awakeable("awk_1_0_c0ffee", VALUE),
]


@pytest.mark.parametrize("ask", REPEATED)
def test_what_is_the_same_twice_is_repeated(ask: Callable[[Router], Awaitable[object]]) -> None:
    async def story() -> None:
        near = Peer(gone(sent=True))
        town = Town(Peer(), near=near)
        town.owner = "near"
        await ask(router(town))
        assert near.asked[0] == near.asked[1]

    loop.run(story())
