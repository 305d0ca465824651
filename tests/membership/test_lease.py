"""Who cannot be sure of its lease acts on nothing, and takes part again once it has one."""

import logging

import pytest
from perdure_runtime.storage.api import StorageFailure

from tests.membership.fleet import LEASE_S, PARTITIONS, Fleet, Member
from tests.membership.virtual import virtual


@virtual
async def test_an_outage_shorter_than_a_lease_changes_nothing(fleet: Fleet) -> None:
    members = await fleet.of("a", "b", "c")
    before = dict(fleet.rows.epochs)
    _cut(members, True)
    await fleet.watch(LEASE_S * 0.6)
    _cut(members, False)
    await fleet.watch(2 * LEASE_S)

    assert fleet.rows.epochs == before
    assert [member.worker.lost for member in members] == [[], [], []]


@virtual
async def test_in_a_longer_outage_partitions_are_dropped_and_after_it_they_are_back(fleet: Fleet) -> None:
    members = await fleet.of("a", "b", "c")
    before = dict(fleet.rows.owners)
    _cut(members, True)
    await fleet.watch(LEASE_S + 0.1)
    assert all(not member.here() and not member.worker.owned for member in members)
    await fleet.watch(3 * LEASE_S)
    _cut(members, False)
    # Nobody takes what is others' before they have had time to come back.
    assert await fleet.balance(*members) < 2
    assert fleet.rows.owners == before


@virtual
async def test_who_comes_back_first_does_not_take_what_is_others(fleet: Fleet) -> None:
    a, b = await fleet.of("a", "b")
    before = dict(fleet.rows.owners)
    b.wire.is_cut = True
    await fleet.watch(LEASE_S - 2)
    a.wire.is_cut = True
    await fleet.watch(2.2)
    assert (a.keeper.is_sure(), b.keeper.is_sure()) == (True, False)
    a.wire.is_cut = False
    await fleet.watch(0.6)
    assert a.keeper.snapshot.nodes["b"].alive is False
    b.wire.is_cut = False
    await fleet.watch(LEASE_S)

    assert fleet.rows.owners == before


@virtual
async def test_nodes_that_were_frozen_together_keep_what_is_theirs(fleet: Fleet) -> None:
    a, _ = await fleet.of("a", "b")
    # Both have looked for the last time for a while.
    await fleet.watch(0.5)
    before = dict(fleet.rows.owners)
    fleet.freeze(2 * LEASE_S)
    for _ in range(3):
        a.keeper.look_soon()
        await fleet.watch(0.1)
        assert fleet.rows.owners == before


@virtual
async def test_who_comes_back_looks_twice_before_it_takes_what_is_free(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    a.wire.is_cut = True
    await fleet.watch(LEASE_S + 1)
    fleet.cluster("a").give({0: fleet.rows.epochs[0]}, "")
    a.wire.is_cut, a.wire.takes_s = False, 1
    while not a.keeper.is_sure():
        await fleet.watch(0.01)
    await fleet.watch(0.9)
    assert fleet.rows.owners[0] == ""

    assert await fleet.balance(a) < 3


@virtual
async def test_what_was_taken_when_the_lease_was_over_is_not_loaded_before_the_next_look(fleet: Fleet) -> None:
    a = await fleet.add("a")
    a.wire.takes_s = LEASE_S * 0.52
    await fleet.watch(3 * LEASE_S)
    assert a.task is not None
    assert not a.task.done()
    a.wire.takes_s = 0.01

    await fleet.balance(a)


@virtual
async def test_who_is_cut_off_alone_is_replaced_after_it_has_let_go(fleet: Fleet) -> None:
    a, b, c = await fleet.of("a", "b", "c")
    c.wire.is_cut = True
    await fleet.balance(a, b)
    assert c.worker.owned == {}
    c.wire.is_cut = False

    assert await fleet.balance(a, b, c) < LEASE_S


@virtual
async def test_a_node_that_was_frozen_for_longer_than_its_lease_is_not_sure_of_anything(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    fleet.freeze(LEASE_S)
    fleet.replace(a, by="b")

    assert not a.keeper.is_sure()
    assert a.here() == set()


@virtual
async def test_what_a_frozen_node_had_it_has_lost_before_it_asks_for_anything(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    calls, a.wire.takes_s = a.wire.calls, 1
    fleet.freeze(LEASE_S)
    fleet.replace(a, by="b")
    a.keeper.look_soon()
    while a.wire.calls == calls:
        assert a.here() == set()
        await fleet.watch(0.01)

    assert a.worker.owned == {}
    assert sorted(a.worker.lost) == list(range(PARTITIONS))


@virtual
async def test_a_node_that_freezes_while_it_asks_does_not_believe_the_answer(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    a.wire.takes_s = 1
    calls = a.wire.calls
    a.keeper.look_soon()
    while a.wire.calls == calls:
        await fleet.watch(0.01)
    await fleet.watch(0.6)
    # The database has renewed the lease, and the answer is on its way.
    fleet.freeze(LEASE_S)
    fleet.replace(a, by="b")
    await fleet.watch(0.6)

    assert a.worker.owned == {}
    assert not a.keeper.is_sure()


@virtual
async def test_a_database_that_takes_longer_than_a_lease_to_answer_gives_none(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    a.wire.takes_s = LEASE_S + 1
    gains = a.worker.gains
    await fleet.watch(4 * LEASE_S)
    assert a.worker.owned == {}
    assert a.worker.gains == gains
    a.wire.takes_s = 0.01

    assert await fleet.balance(a) < 2 * LEASE_S


@virtual
async def test_what_is_lost_while_it_is_loaded_is_not_here_when_it_has_been(fleet: Fleet) -> None:
    a, b = await fleet.of("a", "b")
    a.worker.gain_s = 3
    await b.kill()
    while not a.keeper.snapshot.partitions or set(fleet.rows.owners.values()) != {"a"}:
        await fleet.watch(0.01)
    for partition in range(PARTITIONS):
        fleet.rows.owners[partition], fleet.rows.epochs[partition] = "c", 99
    fleet.cluster("c").look()
    a.keeper.look_soon()
    await fleet.watch(0.1)
    # Less than it takes for the third node, which does nothing, to be replaced.
    for _ in range(40):
        assert a.worker.owned == {}
        await fleet.watch(0.1)


@virtual
async def test_who_cannot_reach_its_database_drains_until_its_lease_is_over(fleet: Fleet) -> None:
    (a,) = await fleet.of("a")
    a.wire.is_cut = True
    await a.keeper.drain()

    assert not a.keeper.is_sure()
    assert a.task is not None
    await a.task


@virtual
async def test_who_cannot_join_says_so(fleet: Fleet) -> None:
    a = Member(fleet, "a", 0)
    a.wire.is_cut = True

    with pytest.raises(StorageFailure):
        await a.start()


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    @virtual
    async def outage(fleet: Fleet) -> None:
        (a,) = await fleet.of("a")
        a.wire.is_cut = True
        await fleet.watch(LEASE_S / 2)
        a.wire.is_cut = False
        await fleet.watch(LEASE_S / 2)

    with caplog.at_level(logging.INFO):
        outage()

    messages = [record.message for record in caplog.records if record.name.endswith("keeper")]
    assert messages == [
        "node a cannot reach its database, and tries again: the database is away",
        "node a reaches its database again",
    ]


def _cut(members: list[Member], is_cut: bool) -> None:
    for member in members:
        member.wire.is_cut = is_cut
