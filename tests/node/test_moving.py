"""Partitions that come and go: what was accepted goes on elsewhere, and callers see that it takes longer."""

import asyncio
from dataclasses import replace

import pytest
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import StorageFailure

from tests.node.node_room import done
from tests.node.street import LEASE_S, House, Street, account, on_a_street, settle, until


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
    # Its outcome is kept for a day: then the sweep begins a commit.
    near.street.ahead_ms = 2 * 86_400_000
    await until(lambda: near.gate.waiting == 1)
    near.share.lose([1])
    await settle()
    near.gate.is_open.set()
    await until(lambda: not street.rows.invocations)
    assert not any(task.done() for task in near.node._tasks)


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
