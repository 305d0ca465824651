"""The courier: what was sent is brought until it is acknowledged, wherever its partition is."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from perdure_protos.perdure.peer.v1.message_pb2 import KillCall, Message
from perdure_runtime.node.courier import AGAIN_S, WINDOW, Courier
from perdure_runtime.partition.effect import Acknowledge, Deliver
from perdure_runtime.partition.input import Acknowledged, Input, Receive
from perdure_runtime.storage.api import Parcel

from tests.node.street import settle
from tests.simulation import loop

MESSAGE = Message(kill_call=KillCall())


class Desk:
    """A node that has partition 0, and whatever else ``here`` says. A directory, a carrier and a database itself."""

    def __init__(self) -> None:
        self.here = {0}
        self.addresses = {1: "far:1", 2: "far:1"}
        self.news = asyncio.Event()
        self.sent: list[tuple[str, list[int]]] = []
        self.acknowledged: list[tuple[str, int, int, int]] = []
        self.offered: list[Input] = []
        self.stored: list[Parcel] = []
        self.last: dict[tuple[int, int], int] = {}
        self.courier = Courier(3, self, self, lambda _, input: self.offered.append(input), lambda: [(self, range(3))])

    def is_here(self, partition: int) -> bool:
        return partition in self.here

    def address(self, partition: int) -> str:
        return "" if partition in self.here else self.addresses.get(partition, "")

    def suspect(self, partition: int) -> None:
        """Nobody looks."""

    async def changed(self) -> None:
        await self.news.wait()
        self.news.clear()

    def send_parcels(self, address: str, parcels: Sequence[Parcel]) -> None:
        self.sent.append((address, [parcel.seq for parcel in parcels]))

    def acknowledge(self, address: str, source: int, destination: int, seq: int) -> None:
        self.acknowledged.append((address, source, destination, seq))

    def inbound(self, destinations: Collection[int]) -> list[Parcel]:
        return [parcel for parcel in self.stored if parcel.destination in destinations]

    def arrived(self, channels: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
        return {channel: self.last.get(channel, 0) for channel in channels}

    def deliver(self, *numbers: int, destination: int = 1) -> None:
        """The commit of some messages of partition 0 is durable."""
        for number in numbers:
            self.courier.send(Deliver(0, destination, number, MESSAGE))


def story(tell: Callable[[Desk], Awaitable[None]]) -> Callable[[], None]:
    """A test with a desk, in virtual time."""

    def run() -> None:
        async def main() -> None:
            desk = Desk()
            running = asyncio.create_task(desk.courier.run())
            await tell(desk)
            assert not running.done()
            running.cancel()

        loop.run(main())

    run.__name__, run.__doc__ = tell.__name__, tell.__doc__
    return run


@story
async def test_what_becomes_durable_together_is_sent_together(desk: Desk) -> None:
    desk.deliver(1, 2)
    desk.deliver(1, destination=2)
    await settle()
    assert desk.sent == [("far:1", [1, 2, 1])]


@story
async def test_a_message_is_sent_again_until_it_is_acknowledged(desk: Desk) -> None:
    desk.deliver(1, 2)
    await asyncio.sleep(2.5 * AGAIN_S)
    assert desk.sent == [("far:1", [1, 2])] * 3
    desk.courier.acknowledged(0, 1, 2)
    assert desk.offered == [Acknowledged(0, 1, 2)]
    await asyncio.sleep(3 * AGAIN_S)
    assert len(desk.sent) == 3


@story
async def test_what_is_not_acknowledged_yet_goes_to_a_new_owner_at_once(desk: Desk) -> None:
    desk.deliver(1, 2)
    desk.courier.acknowledged(0, 1, 1)
    await settle()
    desk.addresses[1] = "new:1"
    desk.news.set()
    await settle()
    assert desk.sent == [("far:1", [1, 2]), ("new:1", [2])]


@story
async def test_what_nobody_could_take_is_taken_at_once_where_its_partition_comes_here(desk: Desk) -> None:
    desk.addresses.clear()
    desk.deliver(1)
    await settle()
    desk.here.add(1)
    desk.news.set()
    await settle()
    assert desk.offered == [Receive(0, 1, 1, MESSAGE)]


@story
async def test_a_long_queue_goes_to_a_new_owner_as_fast_as_that_takes_it(desk: Desk) -> None:
    desk.deliver(*range(1, 2 * WINDOW + 2))
    await settle()
    desk.sent.clear()
    desk.addresses[1] = "new:1"
    desk.news.set()
    await settle()
    desk.courier.acknowledged(0, 1, WINDOW)
    desk.courier.acknowledged(0, 1, 2 * WINDOW)
    await settle()
    assert [(numbers[0], numbers[-1]) for _, numbers in desk.sent] == [(1, WINDOW), (WINDOW + 1, 2 * WINDOW + 1)]


@story
async def test_messages_that_are_read_again_from_the_outbox_come_in_order(desk: Desk) -> None:
    desk.deliver(1, 2, 3)
    desk.courier.acknowledged(0, 1, 2)
    # The commit that was to forget the first two has failed.
    desk.deliver(1, 2, 3)
    await settle()
    desk.sent.clear()
    await asyncio.sleep(1.5 * AGAIN_S)
    assert desk.sent == [("far:1", [1, 2, 3])]
    desk.courier.acknowledged(0, 1, 2)
    await asyncio.sleep(1.5 * AGAIN_S)
    assert desk.sent[1:] == [("far:1", [3])]


@story
async def test_of_a_channel_the_last_of_all_that_has_arrived_is_acknowledged(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.courier.acknowledge(Acknowledge(1, 0, number))
    desk.courier.acknowledge(Acknowledge(2, 0, 7))
    await settle()
    assert desk.acknowledged == [("far:1", 1, 0, 3), ("far:1", 2, 0, 7)]


@story
async def test_what_a_peer_cannot_bring_is_found_in_the_database(desk: Desk) -> None:
    desk.stored = [Parcel(1, 0, 4, MESSAGE), Parcel(0, 2, 1, MESSAGE)]
    await asyncio.sleep(0.75)
    assert desk.offered == [Receive(1, 0, 4, MESSAGE)]


@story
async def test_what_a_peer_cannot_acknowledge_is_found_in_the_database(desk: Desk) -> None:
    desk.deliver(1, 2)
    desk.last[0, 1] = 1
    await asyncio.sleep(3 * AGAIN_S)
    assert desk.offered == [Acknowledged(0, 1, 1)]
    assert desk.sent[-1] == ("far:1", [2])


@story
async def test_messages_of_a_partition_that_has_gone_are_not_sent_any_more(desk: Desk) -> None:
    desk.deliver(1)
    desk.courier.release([0])
    desk.here.clear()
    # It was on its way to storage.
    desk.deliver(2)
    await settle()
    desk.sent.clear()
    await asyncio.sleep(3 * AGAIN_S)
    assert desk.sent == []


@story
async def test_messages_for_a_partition_that_is_not_here_are_dropped(desk: Desk) -> None:
    desk.courier.receive([Parcel(2, 1, 1, MESSAGE), Parcel(2, 0, 5, MESSAGE)])
    assert desk.offered == [Receive(2, 0, 5, MESSAGE)]
