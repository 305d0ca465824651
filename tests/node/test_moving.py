"""Partitions that come and go: what was accepted goes on elsewhere, and callers see that it takes longer."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from unittest.mock import patch

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, RunCommand, SleepCommand
from perdure_runtime.ingress.port import NotAccepted
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import CancelInvocation
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import StorageFailure

from tests.node.node_room import done
from tests.node.street import LEASE_S, House, Street, account, on_a_street, settle, until


async def _accept_soon(house: House, partition: int) -> "asyncio.Task[str]":
    """Submits a call whose commit waits at the gate."""
    accepted = asyncio.create_task(house.node.router.submit(account(partition)))
    await until(lambda: house.gate.waiting == 1)
    return accepted


async def _hand_over(street: Street, partition: int) -> tuple[House, House]:
    """The owner of a partition drains; says who that was, and who has it then."""
    old = street.house_of(partition)
    await old.node.drain()
    await until(lambda: any(partition in house.here for house in street.houses.values()))
    return old, street.house_of(partition)


@on_a_street
async def test_a_call_that_comes_to_any_node_is_run_by_the_owner(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = far.here
    called = asyncio.create_task(near.node.router.call(account(partition)))
    await until(lambda: bool(far.frames("start")))
    id = far.frames("start")[0].start.invocation_id
    far.ends(id, done())
    assert await called == (id, done())
    assert near.frames("start") == []


@on_a_street
async def test_a_caller_that_waits_at_the_old_owner_is_answered_by_the_new_one(street: Street) -> None:
    near, _ = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    called = asyncio.create_task(near.node.router.call(account(partition)))
    await until(lambda: bool(near.frames("start")))
    id = near.frames("start")[0].start.invocation_id
    _, new = await _hand_over(street, partition)
    await new.begun(id)
    new.ends(id, done())
    assert await called == (id, done())
    assert new.starts(id)[0].attempt == 2


@on_a_street
async def test_a_released_partition_refuses_with_moved_once_its_last_writes_are_durable(street: Street) -> None:
    near, _ = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    near.gate.is_open.clear()
    accepted = asyncio.create_task(near.node.router.submit(account(partition)))
    await until(lambda: near.gate.waiting == 1)
    releasing = asyncio.create_task(near.share.release([partition]))
    await settle()
    assert not releasing.done()
    near.gate.is_open.set()
    await releasing
    assert await accepted in street.rows.invocations
    with pytest.raises(Moved):
        near.node._shares.at(partition)


@on_a_street
async def test_a_call_that_was_accepted_while_its_partition_was_lost_is_answered(street: Street) -> None:
    (near,) = await street.of("near:1")
    near.gate.is_open.clear()
    called = asyncio.create_task(near.node.router.call(account(0)))
    await until(lambda: near.gate.waiting == 1)
    near.share.lose([0])
    near.gate.is_open.set()
    await until(lambda: bool(street.rows.invocations))
    (id,) = street.rows.invocations
    await near.begun(id, 2)
    near.ends(id, done())
    assert await called == (id, done())


@on_a_street
async def test_a_call_that_was_made_before_and_whose_partition_is_lost_meanwhile_is_answered(street: Street) -> None:
    (near,) = await street.of("near:1")
    first = replace(account(0), idempotency_key="k")
    id = await near.node.router.submit(first)
    await near.begun(id)
    near.gate.is_open.clear()
    # Something that is to be written, so that the commit takes its time.
    other = asyncio.create_task(near.node.router.submit(account(1)))
    called = asyncio.create_task(near.node.router.call(first))
    await until(lambda: near.gate.waiting == 1)
    near.share.lose([0])
    near.gate.is_open.set()
    await other
    await near.begun(id, 2)
    near.ends(id, done())
    assert await called == (id, done())


@on_a_street
async def test_forgetting_ended_invocations_outlives_the_loss_of_partitions(street: Street) -> None:
    (near,) = await street.of("near:1")
    id = await near.node.router.submit(account(0))
    await near.begun(id)
    near.ends(id, done())
    await near.node.router.attach(id)
    near.gate.is_open.clear()
    other = await _accept_soon(near, 1)
    # Its outcome is kept for a day: then it is in the next batch that it is to be forgotten.
    street.ahead_ms = 2 * 86_400_000
    await until(lambda: id in near.share.loop.pending()[-1].purged)
    near.share.lose([2])
    near.gate.is_open.set()
    await other
    await until(lambda: id not in street.rows.invocations)


@on_a_street
async def test_an_end_that_was_kept_though_its_commit_failed_reaches_who_waits(street: Street) -> None:
    (near,) = await street.of("near:1")
    called = asyncio.create_task(near.node.router.call(account(0)))
    await until(lambda: bool(near.frames("start")))
    id = near.frames("start")[0].start.invocation_id
    await near.share.loop.flush()
    near.storage.doubts = 1
    near.ends(id, done())
    assert await called == (id, done())


@on_a_street
async def test_a_commit_that_failed_reads_nothing_for_callers_that_wait(street: Street) -> None:
    (near,) = await street.of("near:1")
    ids = [await near.node.router.submit(account(0, number)) for number in range(50)]
    waiting = [asyncio.create_task(near.node.router.attach(id)) for id in ids]
    await until(lambda: len(near.share.waiters.awaited) == 50)
    await near.share.loop.flush()
    near.storage.is_away = True
    read = near.storage.reads
    near.share.lose_unsaved(StorageFailure("the database is away"))
    assert near.storage.reads == read
    near.storage.is_away = False
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()


@on_a_street
async def test_a_node_drains_though_its_database_never_answers(street: Street) -> None:
    near, _ = await street.of("near:1", "far:1")
    near.wire.is_hung = True
    await asyncio.wait_for(near.node.drain(), 2 * LEASE_S)
    assert near.here == set()


@on_a_street
async def test_an_end_that_was_kept_is_told_though_storage_cannot_be_read_for_a_while(street: Street) -> None:
    (near,) = await street.of("near:1")
    called = asyncio.create_task(near.node.router.call(account(0)))
    await until(lambda: bool(near.frames("start")))
    id = near.frames("start")[0].start.invocation_id
    await near.share.loop.flush()
    near.storage.doubts = 1
    near.ends(id, done())
    await until(lambda: near.share.loop.fault is not None)
    near.storage.is_away = True
    await asyncio.sleep(2)
    assert not called.done()
    near.storage.is_away = False
    assert await called == (id, done())


@on_a_street
async def test_what_begins_while_a_partition_is_loaded_is_not_taken_for_lost(street: Street) -> None:
    (near,) = await street.of("near:1")
    old = [await near.node.router.submit(account(0, number)) for number in range(30)]
    await near.begun(old[-1])
    await near.share.loop.flush()
    begins: list[asyncio.Task[str]] = []
    active = near.storage.active

    def page(partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        if not begins and 0 in partitions:
            begins.append(asyncio.create_task(near.node.router.submit(account(0, 30))))
        return active(partitions, after_id, 1)

    with patch.object(near.storage, "active", page):
        near.share.lose([0])
        await near.begun(old[-1], 2)
        new = await begins[0]
        await near.begun(new)
        await near.share.loop.flush()
        await settle()
    assert len(near.starts(new)) == 1


@on_a_street
async def test_a_node_whose_lease_is_over_answers_no_read(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    id = await near.node.router.submit(account(partition))
    near.wire.is_cut = True
    far.wire.is_cut = True
    await until(lambda: not near.here)
    with pytest.raises(Moved):
        near.node._shares.of(id)


@on_a_street
async def test_a_step_does_not_start_where_the_lease_has_ended_before_its_commit(street: Street) -> None:
    (near,) = await street.of("near:1")
    near.gate.is_open.clear()
    accepted = await _accept_soon(near, 0)
    id = near.frames("start")[0].start.invocation_id
    near.says(id, Entry(run=RunCommand(name="charge")))
    await settle()
    near.wire.is_cut = True
    await until(lambda: not near.here)
    near.gate.is_open.set()
    await until(lambda: id in street.rows.invocations)
    await settle()
    assert near.frames("grant") == []
    near.wire.is_cut = False
    assert await accepted == id


@on_a_street
async def test_a_partition_that_cannot_be_loaded_is_loaded_once_it_can(street: Street) -> None:
    (near,) = await street.of("near:1")
    id = await near.node.router.submit(account(0))
    await near.begun(id)
    await near.share.loop.flush()
    near.storage.is_away = True
    near.share.lose([0])
    await asyncio.sleep(2)
    assert len(near.starts(id)) == 1
    near.storage.is_away = False
    await near.begun(id, 2)
    near.ends(id, done())
    assert (await near.node.router.attach(id)).outcome == done()


@on_a_street
async def test_what_is_lost_while_it_is_loaded_is_not_here_then(street: Street) -> None:
    (near,) = await street.of("near:1")
    epochs = {0: near.share.owned[0]}
    near.wire.is_hung = True
    near.share.lose([0])
    active = near.storage.active

    def page(partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        if 0 in partitions:
            near.share.lose([0])
        return active(partitions, after_id, limit)

    with patch.object(near.storage, "active", page):
        await near.share.gain(epochs)
    await until(lambda: near.share.loop.fault is None)
    with pytest.raises(Moved):
        await near.share.loop.ask(CancelInvocation(ids.mint(0, 1, 0)))


@on_a_street
async def test_a_sleep_that_moves_ends_at_the_new_owner_in_time(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    id = await near.node.router.submit(account(partition))
    await near.begun(id)
    near.says(id, Entry(sleep=SleepCommand(duration_ms=20_000)))
    await near.share.loop.flush()
    slept_from = street.clock_ms()
    await near.node.drain()
    await far.begun(id)
    assert far.frames("completion") == []
    await until(lambda: bool(far.frames("completion")))
    assert 19_900 <= street.clock_ms() - slept_from <= 20_100


@on_a_street
async def test_partitions_are_released_though_their_last_writes_are_lost(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    near.gate.is_open.clear()
    accepted = await _accept_soon(near, partition)
    draining = asyncio.create_task(near.node.drain())
    await until(lambda: partition not in near.here)
    near.storage.fail_next_commit("the disk is full")
    near.gate.is_open.set()
    await draining
    assert far.here == {0, 1, 2, 3, 4}
    with pytest.raises(NotAccepted, match="the disk is full"):
        await accepted
    assert street.rows.invocations == {}


@on_a_street
async def test_a_call_that_comes_while_its_partition_is_handed_over_is_accepted(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    draining = asyncio.create_task(near.node.drain())
    accepted = [asyncio.create_task(near.node.router.submit(account(partition, number))) for number in range(20)]
    await draining
    ids = await asyncio.gather(*accepted)
    assert set(ids) == street.rows.invocations.keys()
    assert len(far.here) == 5


@on_a_street
async def test_a_node_that_is_killed_is_replaced_and_its_callers_elsewhere_are_answered(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = far.here
    called = asyncio.create_task(near.node.router.call(account(partition)))
    await until(lambda: bool(far.frames("start")))
    id = far.frames("start")[0].start.invocation_id
    await far.share.loop.flush()
    await far.node.close()
    await near.begun(id)
    near.ends(id, done())
    assert await called == (id, done())


@on_a_street
async def test_a_zombie_that_commits_keeps_nothing_and_goes_on_with_what_is_its_own(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_) = near.here
    near.gate.is_open.clear()
    accepted = await _accept_soon(near, partition)
    near.wire.is_cut = True
    await until(lambda: partition in far.here)
    near.wire.is_cut = False
    near.gate.is_open.set()
    id = await accepted
    await far.begun(id)
    assert len(street.rows.invocations) == 1
    await street.balance()
