"""Partitions that never move."""

import asyncio

from perdure_runtime.membership.fixed import FixedDirectory


def test_a_worker_has_its_own_partitions_and_knows_where_the_others_are() -> None:
    directory = FixedDirectory([0, 2], {0: "a:1", 1: "b:1", 2: "a:1", 3: "b:1"})

    assert [directory.is_here(partition) for partition in range(4)] == [True, False, True, False]
    assert [directory.address(partition) for partition in range(4)] == ["", "b:1", "", "b:1"]


def test_a_node_alone_has_everything() -> None:
    directory = FixedDirectory(range(4), {})

    assert all(directory.is_here(partition) and directory.address(partition) == "" for partition in range(4))


def test_a_suspicion_changes_nothing() -> None:
    async def suspect() -> bool:
        directory = FixedDirectory([0], {1: "b:1"})
        waiting = asyncio.create_task(directory.changed())
        directory.suspect(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return waiting.done() or directory.address(1) != "b:1"

    assert not asyncio.run(suspect())
