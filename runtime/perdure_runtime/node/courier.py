"""The courier: brings messages from the partitions that are here to the owners of others, until they have them.

It keeps what has been sent and is not acknowledged. A message may arrive twice or not at all; numbers tell the receiver
what is new, and what is missing comes again. Where the owner cannot be reached, it finds the messages in the sender's
outbox, and the sender the acknowledgement in the receiver's rows: the database is the way around.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from perdure_runtime.partition.effect import Acknowledge, Deliver
from perdure_runtime.partition.input import Acknowledged, Input, Receive
from perdure_runtime.peer.port import Directory
from perdure_runtime.storage.api import Fallback, Parcel, StorageFailure

# What was not acknowledged for so long is sent again, so many of a channel at once.
AGAIN_S = 1.0
WINDOW = 1_000
# How often the ways around are looked at.
LOOK_EVERY_S = 0.5

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
    """What of a channel is not acknowledged, by number; and when it was last sent from its beginning, and where to."""

    parcels: dict[int, Parcel] = field(default_factory=dict)
    sent_at: float = 0.0
    sent_to: str = ""


class Courier:
    """One a node. All methods belong to the thread of the event loop."""

    def __init__(
        self,
        partitions: int,
        directory: Directory,
        carrier: Carrier,
        offer: Callable[[int, Input], None],
        fallbacks: Callable[[], Iterable[tuple[Fallback, Collection[int]]]] = lambda: (),
    ) -> None:
        """``partitions`` is how many the cluster has; ``offer`` gives an input to one that is here.

        ``fallbacks`` gives all databases that the cluster's nodes share, each with the partitions that are in it.
        """
        self._partitions = partitions
        self._directory = directory
        self._carrier = carrier
        self._offer = offer
        self._fallbacks = fallbacks
        self._queues: dict[Way, _Queue] = {}
        self._outgoing: dict[str, list[Parcel]] = {}
        self._flush: asyncio.Handle | None = None

    def send(self, deliver: Deliver) -> None:
        """Takes a durable message on its way."""
        parcel = Parcel(deliver.source, deliver.destination, deliver.seq, deliver.message)
        queue = self._queues.setdefault((parcel.source, parcel.destination), _Queue())
        if parcel.seq in queue.parcels:
            return
        if not queue.parcels:
            queue.sent_at = asyncio.get_running_loop().time()
        queue.parcels[parcel.seq] = parcel
        queue.sent_to = self._bring([parcel], parcel.destination)

    def acknowledge(self, acknowledge: Acknowledge) -> None:
        """Tells the sender what has arrived here, durably."""
        source, destination, seq = acknowledge.source, acknowledge.destination, acknowledge.seq
        if self._directory.is_here(source):
            self.acknowledged(source, destination, seq)
        elif address := self._directory.address(source):
            self._carrier.acknowledge(address, source, destination, seq)

    def acknowledged(self, source: int, destination: int, seq: int) -> None:
        """A receiver has all messages up to this number."""
        queue = self._queues.get((source, destination))
        if queue is None:
            return
        arrived = [number for number in queue.parcels if number <= seq]
        if not arrived:
            return
        for number in arrived:
            del queue.parcels[number]
        queue.sent_at = asyncio.get_running_loop().time()
        if not queue.parcels:
            del self._queues[source, destination]
        self._offer(source, Acknowledged(source, destination, seq))

    def receive(self, parcels: Sequence[Parcel]) -> None:
        """Messages from peers. Those for partitions that are not here are dropped, and come again."""
        for parcel in parcels:
            if self._directory.is_here(parcel.destination):
                self._offer(parcel.destination, _received(parcel))

    def release(self, partitions: Collection[int]) -> None:
        """These partitions have gone; their new owner finds their outbox in storage."""
        self._queues = {way: queue for way, queue in self._queues.items() if way[0] not in partitions}

    async def run(self) -> None:
        """Sends again what was not acknowledged, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._directory.changed()
            except TimeoutError:
                self._look_around()
            self._send_again()

    def _send_again(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for (_, destination), queue in self._queues.items():
            moved = self._directory.address(destination) != queue.sent_to
            if moved or now_s - queue.sent_at >= AGAIN_S:
                queue.sent_at = now_s
                first = sorted(queue.parcels)[:WINDOW]
                queue.sent_to = self._bring([queue.parcels[number] for number in first], destination)

    def _bring(self, parcels: Sequence[Parcel], destination: int) -> str:
        """Sends messages where their partition is, as far as is known, and says where that is."""
        address = self._directory.address(destination)
        if self._directory.is_here(destination):
            for parcel in parcels:
                self._offer(destination, _received(parcel))
        elif address:
            self._outgoing.setdefault(address, []).extend(parcels)
            if self._flush is None:
                self._flush = asyncio.get_running_loop().call_soon(self._send_outgoing)
        return address

    def _send_outgoing(self) -> None:
        self._flush = None
        outgoing, self._outgoing = self._outgoing, {}
        for address, parcels in outgoing.items():
            self._carrier.send_parcels(address, parcels)

    def _look_around(self) -> None:
        """Finds in the databases what nodes could not tell each other."""
        here = [partition for partition in range(self._partitions) if self._directory.is_here(partition)]
        for database, partitions in self._fallbacks():
            try:
                self.receive(database.inbound(here) if here else ())
                overdue = [way for way, queue in self._queues.items() if self._is_overdue(queue)]
                overdue = [way for way in overdue if way[1] in partitions]
                if overdue:
                    for (source, destination), seq in database.arrived(overdue).items():
                        self.acknowledged(source, destination, seq)
            except StorageFailure as failure:
                log.warning("looking for messages in the database failed: %s", failure)

    def _is_overdue(self, queue: _Queue) -> bool:
        return asyncio.get_running_loop().time() - queue.sent_at >= AGAIN_S


def _received(parcel: Parcel) -> Receive:
    return Receive(parcel.source, parcel.destination, parcel.seq, parcel.message)
