"""The router: whoever has an invocation is asked, and asked again where it has moved, or its owner has gone."""

import asyncio
import functools
import itertools
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import (
    AlreadyExists,
    EndpointUnavailable,
    NodeStops,
    NotAccepted,
    Submission,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.node.router import Router
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import IdempotencyKey, Target
from perdure_runtime.peer.port import Moved, PeerUnreachable, Residents
from perdure_runtime.storage.api import StorageFailure

from tests.contracts.compiling import compile_protos, contract
from tests.peer.residents import VALUE, FakeResidents
from tests.simulation import loop

CONTRACT = """
message Person { string id = 1 [(perdure.v1.field).key = true]; }
service Orders { rpc Process(Order) returns (Receipt); }
service Signup {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Person) returns (Receipt);
}
"""
ORDER = Submission("shop.v1.Orders", "Process", "", b"input", headers={"b": "1", "a": "2"})
SIGNUP = Submission("shop.v1.Signup", "Run", "ada", b"", must_be_new=True)
PLACEMENT = Placement(8)
PATIENCE_S = 30.0
NOW_MS = 1_700_000_000_000


@functools.cache
def contract_bytes() -> bytes:
    """The contract as an endpoint would describe it."""
    with tempfile.TemporaryDirectory() as folder:
        return compile_protos(Path(folder), contract(CONTRACT))


class Peer(FakeResidents):
    """A node. ``refusals`` are raised one after the other, each by the next question; the last ones of all are none."""

    def __init__(self, *refusals: Exception | None) -> None:
        super().__init__()
        self._refusals = list(refusals)

    async def _ask(self, *asked: object) -> None:
        self.error = self._refusals.pop(0) if self._refusals else None
        await super()._ask(*asked)


class Town:
    """A directory, and the nodes in it: all partitions are ``here``, at the node with that address, or nowhere.

    Each time somebody looks again, the partitions go to the next one of ``moves``.
    """

    def __init__(self, here: Peer, *moves: str, **peers: Peer) -> None:
        self.here = here
        self.owner = "here"
        self.suspected: list[int] = []
        self._moves = list(moves)
        self._peers = peers
        self._news = asyncio.Event()

    def is_here(self, partition: int) -> bool:
        return self.owner == "here"

    def address(self, partition: int) -> str:
        return self.owner

    def suspect(self, partition: int) -> None:
        self.suspected.append(partition)
        if self._moves:
            self.owner = self._moves.pop(0)
            self._news.set()

    async def changed(self) -> None:
        self._news.clear()
        await self._news.wait()

    def link(self, address: str) -> Residents:
        return self._peers[address]


class Source:
    """Contracts that do not change."""

    def __init__(self, retention_ms: int) -> None:
        default = Execution(outcome_retention_ms=retention_ms)
        self.contracts = Contracts.described(contract_bytes(), ["shop.v1.Orders", "shop.v1.Signup"], default)

    async def contracts_changed(self, known: Contracts) -> None:
        await asyncio.get_running_loop().create_future()


def router(town: Town, retention_ms: int = 86_400_000, patience_s: float = PATIENCE_S) -> Router:
    """The router of the node that is here."""
    numbers = itertools.count(1)

    def dice(bits: int) -> int:
        return next(numbers) * 10_007 % (1 << bits)

    return Router(town.here, town, town, PLACEMENT, Source(retention_ms), lambda: NOW_MS, dice, patience_s)


def gone(sent: bool) -> PeerUnreachable:
    """The peer did not answer."""
    return PeerUnreachable("far:1", "cut", sent=sent)


def submits(peer: Peer) -> list[Submit]:
    """What a node was asked to accept."""
    return [asked[1] for asked in peer.asked if isinstance(asked[1], Submit)]


# Where things are.


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


# Going after what has moved.


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


# Once, and not twice.


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
    lambda asking: asking.awakeable_type("awk_1_0_c0ffee"),
    lambda asking: asking.complete_awakeable("awk_1_0_c0ffee", VALUE),
    lambda asking: asking.describe("inv_1"),
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


def test_the_router_has_the_contracts_of_its_node() -> None:
    async def story() -> None:
        asking = router(Town(Peer()))
        assert set(asking.contracts) == {"shop.v1.Orders", "shop.v1.Signup"}
        waiting = asyncio.create_task(asking.contracts_changed(asking.contracts))
        await asyncio.sleep(1)
        assert not waiting.done()
        waiting.cancel()

    loop.run(story())
