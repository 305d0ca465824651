"""Nodes that keep their leases in one database in memory, in virtual time.

A fleet checks all the time that no two nodes could act on one partition.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from perdure_runtime.membership.keeper import Keeper
from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.cluster import owned_by
from perdure_runtime.storage.memory import MemoryCluster, Rows

LEASE_S = 5.0
PARTITIONS = 12
T = TypeVar("T")


class Wire:
    """The way of one node to the database. Implements ``membership.thread.Thread``."""

    def __init__(self) -> None:
        self.takes_s = 0.01
        self.is_cut = False
        self.calls = 0
        self.closed = False
        self._one_at_a_time = asyncio.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """Makes the call halfway through the time that it takes."""
        async with self._one_at_a_time:
            self.calls += 1
            await asyncio.sleep(self.takes_s / 2)
            if self.is_cut:
                raise StorageFailure("the database is away")
            result = call()
            await asyncio.sleep(self.takes_s / 2)
            return result

    def close(self) -> None:
        """Nothing runs in a thread."""
        self.closed = True


class Worker:
    """What does the work of partitions: here nothing, for as long as a test says. Implements ``Holder``."""

    def __init__(self, check: Callable[[], None], is_sure: Callable[[], bool]) -> None:
        self.owned: dict[int, int] = {}
        self.gain_s = 0.02
        self.release_s = 0.02
        self.failing_gains = 0
        self.failure: Exception = StorageFailure("a read failed")
        self.gains = 0
        self.lost: list[int] = []
        self.is_releasing = False
        self._moving: set[int] = set()
        self._check = check
        self._is_sure = is_sure

    async def gain(self, epochs: Mapping[int, int]) -> None:
        """Loads partitions."""
        assert self._is_sure(), "what is loaded may be another node's"
        self.gains += 1
        with _Moving(self._moving, epochs):
            await asyncio.sleep(self.gain_s)
            if self.failing_gains:
                self.failing_gains -= 1
                raise self.failure
            self.owned |= epochs
            self._check()

    async def release(self, partitions: Collection[int]) -> None:
        """Lets them go."""
        with _Moving(self._moving, partitions):
            self.is_releasing = True
            await asyncio.sleep(self.release_s)
            self.is_releasing = False
            self._forget(partitions)

    def lose(self, partitions: Collection[int]) -> None:
        """Drops them."""
        self.lost += partitions
        self._forget(partitions)

    def _forget(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self.owned.pop(partition, None)


class _Moving:
    """Partitions while they are loaded or released, each once at a time."""

    def __init__(self, moving: set[int], partitions: Collection[int]) -> None:
        self._moving = moving
        self._partitions = partitions

    def __enter__(self) -> None:
        assert self._moving.isdisjoint(self._partitions), "a partition moves twice at once"
        self._moving.update(self._partitions)

    def __exit__(self, *_: object) -> None:
        self._moving.difference_update(self._partitions)


class Member:
    """A node. Its clock is off by ``clock_s``, and can be moved on, as if its process had been frozen."""

    def __init__(self, fleet: "Fleet", id: str, clock_s: float) -> None:
        self.id = id
        self.clock_s = clock_s
        self.wire = Wire()
        self.worker = Worker(fleet.check, lambda: self.keeper.is_sure())
        self.changes = 0
        self.keeper = Keeper(
            fleet.cluster(id), id, LEASE_S, self.worker, self._monotonic, self._changed, fleet.tell, self.wire
        )
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Joins the cluster."""
        await self.keeper.join()
        self.task = asyncio.create_task(self.keeper.run())

    async def kill(self) -> None:
        """Its process dies."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])
        self.worker.owned.clear()

    def here(self) -> set[int]:
        """The partitions that it would act on."""
        return {partition for partition in range(PARTITIONS) if self.keeper.is_here(partition)}

    def _monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.clock_s

    def _changed(self) -> None:
        self.changes += 1


class Fleet:
    """The nodes, and the database that they share."""

    def __init__(self) -> None:
        self.rows = Rows(Placement(PARTITIONS))
        self.members: dict[str, Member] = {}
        self.told: list[str] = []
        # How far the clock of the database is ahead of the loop's.
        self.clock_s = 1_000.0

    async def add(self, id: str, clock_s: float = 0.0) -> Member:
        """One more node."""
        self.members[id] = Member(self, id, clock_s)
        await self.members[id].start()
        return self.members[id]

    async def of(self, *ids: str) -> list[Member]:
        """Some nodes, once they have shared the partitions."""
        members = [await self.add(id) for id in ids]
        await self.balance(*members)
        return members

    async def balance(self, *members: Member) -> float:
        """Waits until these nodes, and no others, have all partitions evenly, and says how long that took."""
        began_s = asyncio.get_running_loop().time()
        while not self._is_balanced(members):
            await asyncio.sleep(0.01)
            assert asyncio.get_running_loop().time() < began_s + 60, self.rows.owners
        return asyncio.get_running_loop().time() - began_s

    async def watch(self, seconds: float) -> None:
        """Lets time pass, and looks at each moment of it."""
        for _ in range(round(seconds * 100)):
            await asyncio.sleep(0.01)
            self.check()

    def cluster(self, id: str) -> MemoryCluster:
        """The database as a node sees it."""
        return MemoryCluster(
            self.rows, id, f"{id}:1", LEASE_S, lambda: asyncio.get_running_loop().time() + self.clock_s
        )

    def freeze(self, seconds: float) -> None:
        """Time passes in which no node runs."""
        self.clock_s += seconds
        for member in self.members.values():
            member.clock_s += seconds

    def replace(self, member: Member, by: str) -> None:
        """Another node, which has no keeper, takes all that one had; that one's lease must be over."""
        cluster = self.cluster(by)
        seen = cluster.look()
        mine = owned_by(seen, member.id)
        taken = cluster.take({partition: seen.partitions[partition] for partition in mine})
        assert taken.keys() == mine.keys()

    def tell(self, address: str) -> None:
        """Makes a node look soon, if it is still there."""
        self.told.append(address)
        member = self.members.get(address.removesuffix(":1"))
        if member is not None:
            member.keeper.look_soon()

    def check(self) -> None:
        """No partition is in two places."""
        acting = [(partition, member.id) for member in self.members.values() for partition in member.here()]
        assert len(acting) == len({partition for partition, _ in acting})

    def _is_balanced(self, members: Collection[Member]) -> bool:
        self.check()
        counts = sorted(len(member.here()) for member in members)
        return sum(counts) == PARTITIONS and counts[-1] - counts[0] <= 1
