"""Nodes come, share, and go; partitions are where their owners can be sure of them, and nowhere else."""

import asyncio

import pytest

from tests.membership.fleet import LEASE_S, PARTITIONS, Fleet, Member
from tests.membership.virtual import virtual


@virtual
async def test_a_node_alone_takes_everything_as_soon_as_it_has_joined(fleet: Fleet) -> None:
    a = await fleet.add("a")

    assert await fleet.balance(a) < 0.5


@virtual
async def test_who_joins_gets_its_part(fleet: Fleet) -> None:
    a, b = await fleet.of("a", "b")
    c = await fleet.add("c")

    assert await fleet.balance(a, b, c) < LEASE_S


@virtual
async def test_a_cluster_in_balance_moves_nothing(fleet: Fleet) -> None:
    a, b, _ = await fleet.of("a", "b", "c")
    before = dict(fleet.rows.epochs)
    await fleet.watch(60)

    assert fleet.rows.epochs == before
    assert a.worker.lost == b.worker.lost == []


@virtual
async def test_a_dead_node_is_replaced_as_soon_as_its_lease_ends(fleet: Fleet) -> None:
    a, b, c = await fleet.of("a", "b", "c")
    await c.kill()

    assert await fleet.balance(a, b) < LEASE_S + 0.1


@virtual
async def test_who_drains_hands_over_at_once(fleet: Fleet) -> None:
    a, b, c = await fleet.of("a", "b", "c")
    began_s = asyncio.get_running_loop().time()
    await c.keeper.drain()

    assert await fleet.balance(a, b) < 0.5
    assert asyncio.get_running_loop().time() - began_s < 1
    assert fleet.rows.nodes.keys() == {"a", "b"}
    assert c.worker.lost == []


@virtual
async def test_the_last_node_drains_too(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    await a.keeper.drain()

    assert fleet.rows.nodes == {}
    assert set(fleet.rows.owners.values()) == {""}
    assert a.task is not None
    await a.task


@virtual
async def test_new_owners_are_told(fleet: Fleet) -> None:
    a, _ = await fleet.of("a", "b")
    fleet.told.clear()
    await a.keeper.drain()

    assert fleet.told == ["b:1"]


@virtual
async def test_the_clocks_of_nodes_may_say_what_they_want(fleet: Fleet) -> None:
    a = await fleet.add("a", clock_s=1e9)
    b = await fleet.add("b", clock_s=-1e9)
    await fleet.balance(a, b)
    await a.kill()

    assert await fleet.balance(b) < LEASE_S + 0.1


@virtual
async def test_every_node_knows_where_partitions_are(fleet: Fleet) -> None:
    a, b = await fleet.of("a", "b")
    await fleet.watch(LEASE_S)

    for partition in range(PARTITIONS):
        assert a.keeper.address(partition) == ("b:1" if b.keeper.is_here(partition) else "")


@virtual
async def test_a_node_that_is_dead_has_no_address(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    await a.kill()
    await fleet.watch(LEASE_S)
    b = Member(fleet, "b", 0)
    await b.keeper.join()

    assert {b.keeper.address(partition) for partition in range(PARTITIONS)} == {""}


@virtual
async def test_who_joins_long_after_a_node_has_died_replaces_it_soon(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    await a.kill()
    await fleet.watch(LEASE_S)
    b = await fleet.add("b")

    assert await fleet.balance(b) < 1.2


@virtual
async def test_who_has_given_a_partition_away_knows_where_it_is(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    await fleet.add("b")
    while not fleet.told:
        await fleet.watch(0.01)

    assert "b:1" in {a.keeper.address(partition) for partition in range(PARTITIONS)}


@virtual
async def test_who_joins_while_partitions_are_handed_over_gets_its_part_after_that(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    a.worker.release_s = 6
    b = await fleet.add("b")
    await fleet.watch(2)
    c = await fleet.add("c")

    await fleet.balance(a, b, c)
    assert a.worker.lost == []


@virtual
async def test_what_is_being_given_to_a_node_that_has_gone_is_not_loaded_before(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    fleet.cluster("b").look()
    a.worker.release_s = 0.3
    a.keeper.look_soon()
    while not a.worker.is_releasing:
        await fleet.watch(0.01)
    # It is looked for while they are released, and has gone by then.
    a.wire.takes_s = 1
    a.keeper.look_soon()
    fleet.cluster("b").leave()
    await fleet.watch(LEASE_S)
    await fleet.balance(a)

    assert a.worker.lost == []


@virtual
async def test_what_could_not_be_given_is_given_later(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    b = await fleet.add("b")
    while not a.worker.is_releasing:
        await fleet.watch(0.01)
    a.wire.is_cut = True
    await fleet.watch(0.1)
    a.wire.is_cut = False

    await fleet.balance(a, b)
    assert a.worker.lost == []


@virtual
async def test_a_lease_is_renewed_while_partitions_are_loaded_and_handed_over(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    a.worker.release_s = 3 * LEASE_S
    b = await fleet.add("b")
    b.worker.gain_s = 3 * LEASE_S
    await fleet.balance(a, b)

    assert a.worker.lost == b.worker.lost == []


@virtual
async def test_what_could_not_be_loaded_is_tried_again(fleet: Fleet) -> None:
    a = await fleet.add("a")
    a.worker.failing_gains = 3

    assert await fleet.balance(a) < LEASE_S
    assert a.worker.gains == 4


@virtual
async def test_a_bug_of_the_holder_ends_the_keeper(fleet: Fleet) -> None:
    a = await fleet.add("a")
    a.worker.failing_gains, a.worker.failure = 1, ZeroDivisionError()
    assert a.task is not None
    with pytest.raises(ExceptionGroup) as raised:
        await a.task
    assert raised.group_contains(ZeroDivisionError)


@virtual
async def test_whoever_waits_hears_of_changes(fleet: Fleet) -> None:
    a, _ = await fleet.of("a", "b")
    await fleet.watch(LEASE_S)
    waiting = asyncio.create_task(a.keeper.changed())
    await fleet.watch(LEASE_S)
    assert not waiting.done()
    before = a.changes
    await fleet.add("c")
    await waiting

    assert a.changes > before


@virtual
async def test_suspicions_do_not_flood_the_database(fleet: Fleet) -> None:
    a, _ = await fleet.of("a", "b")
    before = a.wire.calls
    for _ in range(100):
        a.keeper.suspect(0)
        await asyncio.sleep(0.01)

    assert 4 <= a.wire.calls - before <= 6


@virtual
async def test_a_suspicion_finds_the_new_owner_before_the_next_renewal(fleet: Fleet) -> None:
    a, b = await fleet.of("a", "b")
    await fleet.watch(LEASE_S)
    c = fleet.cluster("c")
    c.look()
    fleet.cluster("b").give({partition: b.worker.owned[partition] for partition in b.here()}, "c")
    moved = min(b.here())
    a.keeper.suspect(moved)
    await asyncio.sleep(0.25)

    assert a.keeper.address(moved) == "c:1"


@virtual
async def test_a_keeper_that_is_stopped_lets_go_of_its_thread(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    await a.kill()

    assert a.wire.closed
