"""Nodes that share a database in memory, on virtual time, and the street between them."""

import asyncio
import functools
import itertools
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame, Start
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.node.node import Node
from perdure_runtime.node.settings import ClusterSettings
from perdure_runtime.node.share import Share
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.writes import Writes
from perdure_runtime.peer.port import PeerUnreachable, Post, Residents
from perdure_runtime.storage.api import Parcel, StorageFailure
from perdure_runtime.storage.cluster import Cluster
from perdure_runtime.storage.memory import MemoryCluster, MemoryStorage, Rows

from tests.invoker.test_connection import FakeLink, FakeTransport
from tests.node.node_room import SERVICES, contract_bytes
from tests.peer.residents import FakeResidents
from tests.simulation import loop

PARTITIONS = 5
LEASE_S = 5.0
NOW_MS = 1_700_000_000_000
STORY_S = 600.0
ACCOUNT = "shop.v1.Account"

T = TypeVar("T")


class Shelf(MemoryStorage):
    """A storage that may be away, and that may keep a batch and not say so."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows, shared=True)
        self.is_away = False
        self.doubts = 0
        self.reads = 0

    def own(self, epochs: Mapping[int, int]) -> None:
        """No database is asked for this."""
        self._owned.set(epochs)

    def commit(self) -> None:
        """Keeps a batch, and then is lost, as often as ``doubts`` says."""
        if self.is_away:
            self._staged = None
            raise StorageFailure("the database is away")
        super().commit()
        if self.doubts:
            self.doubts -= 1
            raise StorageFailure("the connection was lost in the commit")

    def _refuse_closed(self) -> None:
        self.reads += 1
        if self.is_away:
            raise StorageFailure("the database is away")
        super()._refuse_closed()


class Gate:
    """A committer whose commits wait while it is closed. A batch is staged before that."""

    def __init__(self, storage: Shelf) -> None:
        self._storage = storage
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.waiting = 0

    async def commit(self, writes: Writes) -> None:
        """Commits once the gate is open."""
        self._storage.stage(writes)
        self.waiting += 1
        try:
            await self.is_open.wait()
        finally:
            self.waiting -= 1
        await asyncio.sleep(0)
        self._storage.commit()

    def close(self) -> None:
        """Nothing of ours outlives the loop."""


class Wire:
    """The way of a keeper to the database. Implements ``membership.thread.Thread``."""

    def __init__(self) -> None:
        self.is_cut = False
        self.is_hung = False

    async def run(self, call: Callable[[], T]) -> T:
        """Makes the call."""
        await asyncio.sleep(0.001)
        if self.is_hung:
            await asyncio.get_running_loop().create_future()
        if self.is_cut:
            raise StorageFailure("the database is away")
        return call()

    def close(self) -> None:
        """Nothing runs in a thread."""


class House:
    """A node, with the session that it has with its endpoint, which is the test."""

    def __init__(self, street: "Street", name: str) -> None:
        self.street = street
        self.name = name
        self.storage = Shelf(street.rows)
        self.gate = Gate(self.storage)
        self.wire = Wire()
        self.transport = FakeTransport()
        self.transport.up.set()
        # Where others find it; both None while nobody answers.
        self.residents: Residents | None = None
        self.post: Post | None = None
        settings = ClusterSettings(
            node_id=name,
            listen=("0.0.0.0", 0),
            advertised=name,
            lease_s=LEASE_S,
            registry=self.storage,
            surveys=[self.storage],
            clusters=self._clusters,
            fallbacks=[self.storage],
            network=Network(street, self),
            thread=lambda: self.wire,
        )
        self.node = Node([self.storage], street.clock_ms, self.gate, street.entropy, cluster=settings)

    @property
    def share(self) -> Share:
        """Its partitions."""
        return self.node._shares.all[0]

    @property
    def here(self) -> set[int]:
        """The partitions that it acts on."""
        return {partition for partition in range(PARTITIONS) if self.node._whereabouts.is_here(partition)}

    async def start(self) -> None:
        """The node runs, and its endpoint is there."""
        await self.node.start()
        self.node.invoker.add(self.transport, Contracts.described(contract_bytes(), SERVICES))
        self.link: FakeLink = await self.transport.links.get()

    def starts(self, invocation_id: str) -> list[Start]:
        """All attempts of an invocation that this node has begun."""
        return [each.start for each in self.frames("start") if each.start.invocation_id == invocation_id]

    def frames(self, kind: str) -> list[NodeFrame]:
        """What its endpoint was told, of one kind."""
        return [frame for frame in self.link.sent if frame.WhichOneof("frame") == kind]

    async def begun(self, invocation_id: str, attempts: int = 1) -> None:
        """Waits until so many attempts of an invocation have begun here."""
        await until(lambda: len(self.starts(invocation_id)) >= attempts)

    def says(self, invocation_id: str, *entries: Entry) -> None:
        """The newest attempt of an invocation asks for something."""
        self.link.answer([EndpointFrame(slot=self._slot(invocation_id), entry=entry) for entry in entries])

    def ends(self, invocation_id: str, outcome: Outcome) -> None:
        """The handler of an invocation has its outcome."""
        self.link.answer([EndpointFrame(slot=self._slot(invocation_id), outcome=outcome)])

    def _slot(self, invocation_id: str) -> int:
        frames = [each for each in self.frames("start") if each.start.invocation_id == invocation_id]
        return frames[-1].slot

    def _clusters(self, address: str) -> Sequence[Cluster]:
        return [MemoryCluster(self.street.rows, self.name, address, LEASE_S, asyncio.get_running_loop().time)]


class Network:
    """How one node reaches the others, and they reach it. Implements ``Network``, ``Peers`` and ``PeerServer``."""

    port = 1

    def __init__(self, street: "Street", house: House) -> None:
        self._street = street
        self._house = house
        self._doors: tuple[Residents, Post] | None = None

    def peers(self) -> "Network":
        """The way to the others."""
        return self

    def server(self, residents: Residents, post: Post, host: str, port: int) -> "Network":
        """The way in, not open yet."""
        self._doors = residents, post
        return self

    async def start(self) -> None:
        """Lets others in."""
        assert self._doors is not None
        self._house.residents, self._house.post = self._doors

    async def close(self, grace_s: float = 0.0) -> None:
        """Lets nobody in any more."""
        self._house.residents = self._house.post = None

    def link(self, address: str) -> Residents:
        """The invocations of the node at an address."""
        residents = self._street.houses[address].residents
        if residents is not None and address not in self._street.unreachable:
            return residents
        nobody = FakeResidents()
        nobody.error = PeerUnreachable(address, "nobody listens", sent=False)
        return nobody

    def keep(self, addresses: Collection[str]) -> None:
        """Nothing leads anywhere for good."""

    def send_parcels(self, address: str, parcels: Sequence[Parcel]) -> None:
        """Messages for a node."""
        self._street.parcels += parcels
        self._tell(address, lambda post: post.receive(parcels))

    def acknowledge(self, address: str, source: int, destination: int, seq: int) -> None:
        """Says what has arrived."""
        self._street.acknowledgements.append((source, destination, seq))
        self._tell(address, lambda post: post.acknowledged(source, destination, seq))

    def look(self, address: str) -> None:
        """Makes a node look."""
        self._tell(address, lambda post: post.look())

    def _tell(self, address: str, what: Callable[[Post], None]) -> None:
        post = self._street.houses[address].post
        if post is not None and address not in self._street.unreachable:
            asyncio.get_running_loop().call_soon(what, post)


class Street:
    """The nodes, and the database that they share."""

    def __init__(self) -> None:
        self.rows = Rows(Placement(PARTITIONS))
        self.houses: dict[str, House] = {}
        # Addresses at which nobody is heard.
        self.unreachable: set[str] = set()
        self.parcels: list[Parcel] = []
        self.acknowledgements: list[tuple[int, int, int]] = []
        # How far the wall clocks of all were set forward.
        self.ahead_ms = 0
        self._numbers = itertools.count(1)

    def clock_ms(self) -> int:
        """The wall clock of all."""
        return NOW_MS + self.ahead_ms + int(asyncio.get_running_loop().time() * 1000)

    def entropy(self, bits: int) -> int:
        """Dice."""
        return next(self._numbers) * 10_007 % (1 << bits)

    async def of(self, *names: str) -> list[House]:
        """Some nodes, once they share the partitions."""
        houses = [await self.add(name) for name in names]
        await self.balance()
        return houses

    async def add(self, name: str) -> House:
        """One more node."""
        house = self.houses[name] = House(self, name)
        await house.start()
        return house

    async def balance(self) -> None:
        """Waits until the nodes have all partitions, evenly."""
        await until(self._is_balanced)

    def house_of(self, partition: int) -> House:
        """The node that acts on a partition."""
        (house,) = [house for house in self.houses.values() if partition in house.here]
        return house

    def check(self) -> None:
        """No part of a node has failed."""
        for house in self.houses.values():
            for task in house.node._tasks:
                assert not task.done() or task.cancelled() or task.exception() is None, (house.name, task)

    async def close(self) -> None:
        """All nodes stop."""
        for house in self.houses.values():
            await house.node.close()

    def _is_balanced(self) -> bool:
        counts = [len(house.here) for house in self.houses.values()]
        return sum(counts) == PARTITIONS and max(counts) - min(counts) <= 1


def account(partition: int, number: int = 0) -> Submission:
    """A call of an account in a partition."""
    keys = (f"key-{each}" for each in itertools.count())
    key = next(itertools.islice((key for key in keys if _partition(key) == partition), number, None))
    return Submission(ACCOUNT, "Update", key, b"")


def _partition(key: str) -> int:
    return Placement(PARTITIONS).of_key(ACCOUNT, key)


async def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds; time passes meanwhile."""
    while not holds():  # noqa: ASYNC110  # whatever it is, in virtual time
        await asyncio.sleep(0.001)


async def settle() -> None:
    """Lets all that can run now run: no time passes."""
    for _ in range(40):
        await asyncio.sleep(0)


def on_a_street(test: Callable[[Street], Awaitable[None]]) -> Callable[[], None]:
    """The test of some nodes, in virtual time."""

    # With its signature pytest would look for a fixture of the name of the argument.
    def run() -> None:
        async def main() -> None:
            street = Street()
            try:
                async with asyncio.timeout(STORY_S):
                    await test(street)
                street.check()
            finally:
                await street.close()

        loop.run(main())

    functools.update_wrapper(run, test)
    del run.__wrapped__  # type: ignore[attr-defined]  # what pytest would follow
    return run
