"""The courier: brings messages from the partitions that are here to the owners of others, until they have them.

It keeps what has been sent and is not acknowledged. A message may arrive twice or not at all; numbers tell the receiver
what is new, and what is missing comes again. Where the owner cannot be reached, it finds the messages in the sender's
outbox, and the sender the acknowledgement in the receiver's rows: the database is the way around.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Protocol, TypeAlias

from perdure_runtime.partition.effect import Acknowledge, Deliver
from perdure_runtime.partition.input import Acknowledged, Input, Receive
from perdure_runtime.peer.port import Directory
from perdure_runtime.storage.api import Fallback, Parcel, StorageFailure
from perdure_runtime.telemetry.tallies import MessageTally

# What was not acknowledged for so long is sent again, so many of a channel at once.
AGAIN_S = 1.0
WINDOW = 1_000
# How often the ways around are looked at.
LOOK_EVERY_S = 0.5
# Where a partition is that is at this node; no address is like it.
HERE = "here"

log = logging.getLogger(__name__)

# A channel: from one partition to another.
Way: TypeAlias = tuple[int, int]


class Carrier(Protocol):
    """The way to peers. All methods return at once, and promise nothing."""

    def send_parcels(self, address: str, parcels: Sequence[Parcel]) -> None:
        """Messages for partitions of the node at an address."""

    def acknowledge(self, address: str, source: int, destination: int, seq: int) -> None:
        """Tells the node at an address that ``destination`` has all of ``source`` up to a number."""


@dataclass(slots=True)
class _Queue:
    """What of a channel is not acknowledged, by number; and when it was last sent from its beginning, and where to.

    ``heard_at`` is when something was acknowledged last, or when there was nothing to be.
    """

    parcels: dict[int, Parcel] = field(default_factory=dict)
    heard_at: float = 0.0
    sent_at: float = 0.0
    sent_to: str = ""
    # The last number that was sent then, where more was left to be sent.
    sent_until: int | None = None
    # They are, unless what was taken for acknowledged was read again from the outbox.
    in_order: bool = True

    def add(self, parcel: Parcel) -> None:
        """Takes one more."""
        self.in_order = self.in_order and (not self.parcels or next(reversed(self.parcels)) < parcel.seq)
        self.parcels[parcel.seq] = parcel

    def ordered(self) -> dict[int, Parcel]:
        """All of them, the lowest number first."""
        # There may be many, and each that is added or acknowledged must cost no more than itself.
        if not self.in_order:
            self.parcels, self.in_order = dict(sorted(self.parcels.items())), True
        return self.parcels


class Courier:
    """One a node. All methods belong to the thread of the event loop."""

    def __init__(
        self,
        partitions: int,
        directory: Directory,
        carrier: Carrier,
        offer: Callable[[int, Input], None],
        fallbacks: Callable[[], Iterable[tuple[Fallback, Collection[int]]]] = lambda: (),
        tally: MessageTally | None = None,
    ) -> None:
        """``partitions`` is how many the cluster has; ``offer`` gives an input to one that is here.

        ``fallbacks`` gives all databases that the cluster's nodes share, each with the partitions that are in it.
        """
        self._partitions = partitions
        self._directory = directory
        self._carrier = carrier
        self._offer = offer
        self._fallbacks = fallbacks
        self._tally = MessageTally() if tally is None else tally
        self._queues: dict[Way, _Queue] = {}
        self._outgoing: dict[str, list[Parcel]] = {}
        self._arrived: dict[Way, int] = {}
        self._flush: asyncio.Handle | None = None

    @property
    def unacknowledged(self) -> int:
        """How many messages are on their way."""
        return sum(len(queue.parcels) for queue in self._queues.values())

    def send(self, deliver: Deliver) -> None:
        """Takes a durable message on its way."""
        parcel = Parcel(deliver.source, deliver.destination, deliver.seq, deliver.message)
        queue = self._queues.setdefault((parcel.source, parcel.destination), _Queue())
        if parcel.seq in queue.parcels:
            return
        to = self._where(parcel.destination)
        if not queue.parcels:
            queue.heard_at = queue.sent_at = asyncio.get_running_loop().time()
            queue.sent_to = to
        queue.add(parcel)
        self._bring([parcel], to)

    def acknowledge(self, acknowledge: Acknowledge) -> None:
        """Tells the sender what has arrived here, durably: the last of all that were acknowledged at once."""
        way = acknowledge.source, acknowledge.destination
        self._arrived[way] = max(acknowledge.seq, self._arrived.get(way, 0))
        self._flush_soon()

    def acknowledged(self, source: int, destination: int, seq: int) -> None:
        """A receiver has all messages up to this number."""
        queue = self._queues.get((source, destination))
        if queue is None:
            return
        arrived = list(takewhile(lambda number: number <= seq, queue.ordered()))
        if not arrived:
            return
        for number in arrived:
            del queue.parcels[number]
        queue.heard_at = queue.sent_at = asyncio.get_running_loop().time()
        if not queue.parcels:
            del self._queues[source, destination]
        elif queue.sent_until is not None and queue.sent_until <= seq:
            self._send_beginning(queue, self._where(destination))
        self._offer(source, Acknowledged(source, destination, seq))

    def receive(self, parcels: Sequence[Parcel]) -> None:
        """Messages from peers. Those for partitions that are not here are dropped, and come again."""
        self._tally.received += len(parcels)
        for parcel in parcels:
            if self._directory.is_here(parcel.destination):
                self._offer(parcel.destination, _received(parcel))

    def release(self, partitions: Collection[int]) -> None:
        """These partitions have gone; their new owner finds their outbox in storage."""
        self._queues = {way: queue for way, queue in self._queues.items() if way[0] not in partitions}

    async def run(self) -> None:
        """Sends again what was not acknowledged, and looks for it in the databases, until cancelled."""
        # A database that does not answer must not keep peers waiting.
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._send_on())
            ways.create_task(self._go_around())

    async def _send_on(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._directory.changed()
            except TimeoutError:
                pass  # Something may be overdue.
            self._send_again()

    async def _go_around(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for database, partitions in self._fallbacks():
                await self._look_around(database, partitions)

    def _send_again(self) -> None:
        # What is not here any more, and was on its way to storage when it went, is the new owner's to send.
        self.release({source for source, _ in self._queues if not self._directory.is_here(source)})
        now_s = asyncio.get_running_loop().time()
        for (_, destination), queue in self._queues.items():
            to = self._where(destination)
            if to != queue.sent_to or now_s - queue.sent_at >= AGAIN_S:
                self._send_beginning(queue, to)

    def _send_beginning(self, queue: _Queue, to: str) -> None:
        parcels = list(islice(queue.ordered().values(), WINDOW))
        queue.sent_at, queue.sent_to = asyncio.get_running_loop().time(), to
        queue.sent_until = parcels[-1].seq if len(parcels) < len(queue.parcels) else None
        self._bring(parcels, to)

    def _where(self, partition: int) -> str:
        return HERE if self._directory.is_here(partition) else self._directory.address(partition)

    def _bring(self, parcels: Sequence[Parcel], to: str) -> None:
        """Sends messages where their partitions are, as far as that is known."""
        if to == HERE:
            for parcel in parcels:
                self._offer(parcel.destination, _received(parcel))
        elif to:
            self._tally.sent += len(parcels)
            self._outgoing.setdefault(to, []).extend(parcels)
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_soon(self._send_outgoing)

    def _send_outgoing(self) -> None:
        self._flush = None
        outgoing, self._outgoing = self._outgoing, {}
        for address, parcels in outgoing.items():
            self._carrier.send_parcels(address, parcels)
        arrived, self._arrived = self._arrived, {}
        for (source, destination), seq in arrived.items():
            to = self._where(source)
            if to == HERE:
                self.acknowledged(source, destination, seq)
            elif to:
                self._carrier.acknowledge(to, source, destination, seq)

    async def _look_around(self, database: Fallback, partitions: Collection[int]) -> None:
        """Finds in a database, and in the partitions there, what nodes could not tell each other."""
        here = [partition for partition in range(self._partitions) if self._directory.is_here(partition)]
        try:
            if here:
                self.receive(await asyncio.to_thread(database.inbound, here))
            overdue = [way for way, queue in self._queues.items() if self._is_overdue(queue)]
            overdue = [way for way in overdue if way[1] in partitions]
            if overdue:
                for (source, destination), seq in (await asyncio.to_thread(database.arrived, overdue)).items():
                    self.acknowledged(source, destination, seq)
        except StorageFailure as failure:
            log.warning("looking for messages in the database failed: %s", failure)

    def _is_overdue(self, queue: _Queue) -> bool:
        return asyncio.get_running_loop().time() - queue.heard_at >= AGAIN_S


def _received(parcel: Parcel) -> Receive:
    return Receive(parcel.source, parcel.destination, parcel.seq, parcel.message)
