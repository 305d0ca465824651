"""One node of a simulated world: real but for its databases, its network and its clock."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.node import Node
from perdure_runtime.node.settings import ClusterSettings
from perdure_runtime.partition import ids
from perdure_runtime.partition.effect import Grant
from perdure_runtime.partition.input import Input
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.cluster import Cluster
from perdure_runtime.storage.memory import MemoryCluster

from tests.simulation.databases import Databases
from tests.simulation.disk import Access, Commits, SimulatedStorage, SimulatedThread, Trouble
from tests.simulation.loop import Group
from tests.simulation.network import Connected
from tests.simulation.peering import Peering
from tests.simulation.shape import Shape

LEASE_S = 0.5
LOOK_EVERY_S = 0.002
# A node remembers so much of what it was told, to be told again too late.
MOST_WORDS = 100


class Surroundings(Protocol):
    """What a node lives in, and who looks at what it does."""

    shape: Shape
    entropy: Callable[[int], int]
    rows: Databases
    trouble: Trouble
    peering: Peering

    def clock_ms(self) -> int:
        """True time."""

    def keep(self, process: "NodeProcess", writes: Writes) -> None:
        """A node has made a batch durable."""

    def look_at_owners(self) -> None:
        """Who owns what may have changed."""

    def look_at_grant(self, process: "NodeProcess", invocation_id: str) -> None:
        """A node lets a step start."""


class NodeProcess:
    """One node, from its start to its end."""

    def __init__(self, world: Surroundings, number: int) -> None:
        self._world = world
        self.number = number
        self.id = f"node-{number}"
        self.address = f"node-{number}:1"
        self.group = Group(self.address)
        self.access = Access(world.trouble)
        self.storages = [SimulatedStorage(rows, self.access, self._durable) for rows in world.rows.all]
        self.node = self.group.run(self._make)
        self.ways: list[Connected] = []
        self.alive = True
        self.ready = False
        self.gone = asyncio.Event()
        self.words: deque[Input] = deque(maxlen=MOST_WORDS)
        for share in self.node._shares.all:
            listen(share.loop, self.words)

    def holds(self, partition: int) -> bool:
        """Whether it lives, and has a partition in memory, at the epoch that counts."""
        return self.alive and self.wrote_last(partition)

    def wrote_last(self, partition: int) -> bool:
        """Whether nobody has taken a partition from it, as far as it has it in memory."""
        shares = self.node._shares.all
        return shares[partition % len(shares)].owned.get(partition) == self._world.rows.epoch(partition)

    def acts_on(self, partition: int) -> bool:
        """Whether it believes that it may act on a partition."""
        shares = self.node._shares.all
        return self.node._whereabouts.is_here(partition) and partition in shares[partition % len(shares)].owned

    def has(self, id: str) -> bool:
        """Whether it owns what an invocation, or an awakeable, is in."""
        return self.holds(self._world.rows.placement.of_invocation(ids.of_awakeable(id) or id))

    def grants(self, invocation_id: str) -> None:
        """It lets a step start."""
        self._world.look_at_grant(self, invocation_id)

    def offer(self, input: Input) -> None:
        """Gives it an input, as the world does."""
        self.group.run(self.node._offer, input)

    async def until_steps_wait(self, seconds: float) -> None:
        """Waits for a moment at which steps may start once a commit has ended, but not for longer."""
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + seconds
        while loop.time() < ends_at_s and self.alive:
            batches = [share.loop._committing for share in self.node._shares.all]
            if any(isinstance(effect, Grant) for batch in batches if batch is not None for effect in batch.effects):
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _make(self) -> Node:
        world, commits = self._world, Commits(self.storages)
        if world.shape.alone:
            return Node(self.storages[0], self._clock_ms, commits, world.entropy)
        settings = ClusterSettings(
            node_id=self.id,
            listen=("0.0.0.0", 0),
            advertised=self.address,
            lease_s=LEASE_S,
            registry=self.storages[0],
            surveys=self.storages,
            clusters=self._clusters,
            fallbacks=self.storages,
            network=world.peering.attach(self.group),
            thread=lambda: SimulatedThread(self.access, world.look_at_owners),
        )
        return Node(self.storages, self._clock_ms, commits, world.entropy, cluster=settings)

    def _clusters(self, address: str) -> list[Cluster]:
        time = asyncio.get_running_loop().time
        return [MemoryCluster(rows, self.id, address, LEASE_S, time) for rows in self._world.rows.all]

    def _clock_ms(self) -> int:
        offs = self._world.shape.clocks_off_ms
        return self._world.clock_ms() + offs[self.number % len(offs)]

    def _durable(self, writes: Writes) -> None:
        self._world.keep(self, writes)


def listen(loop: PartitionLoop, words: deque[Input]) -> None:
    """Keeps what a partition is told."""
    apply = loop._apply

    def listening(input: Input, now_ms: int) -> Exception | None:
        words.append(input)
        return apply(input, now_ms)

    loop._apply = listening  # type: ignore[method-assign]  # of this one loop
