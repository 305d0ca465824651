"""A room with several partitions, each with an owner: what they say to each other is brought by the test.

Rows are durable at once. An owner sees its own partitions alone, and keeps of them what memory is for.
"""

from collections.abc import Iterator

from perdure_runtime.partition import ids
from perdure_runtime.partition.input import Acknowledged, Input, Receive
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.recipient import recipient
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import IdempotencyKey, Target
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import ALICE, SIGNUP
from tests.partition.store import Store


class Town(Room):
    """``owners`` says which node has which partition, in the order of the partitions."""

    def __init__(self, *owners: int) -> None:
        placement = Placement(len(owners))
        super().__init__(placement)
        self.owners = dict(enumerate(owners))
        self.nodes = {
            node: Memory(placement, [partition for partition, owner in self.owners.items() if owner == node])
            for node in set(owners)
        }
        self.minted = 0

    @property
    def view(self) -> Store:
        return self.store.seen_by(self.memory.owned)

    def apply(self, input: Input) -> Step:
        """One input, by the owner of the partition that it is for."""
        self.memory = self.nodes[self.owners[recipient(input, self.store.placement)]]
        step = super().apply(input)
        self.memory.settle(step.writes, Writes())
        return step

    def parcels(self) -> list[Receive]:
        """All messages that stand in an outbox, in order: each may come at any time."""
        outbox = sorted(self.store.outbox.items(), key=lambda item: item[0])
        return [Receive(*place, message) for place, message in outbox]

    def receipts(self) -> list[Acknowledged]:
        """What each sender may hear."""
        return [Acknowledged(*way, seq) for way, seq in sorted(self.store.arrived.items())]

    def bring(self) -> list[Step]:
        """Brings all messages in order, and those that follow from them, until none is left; what each has done."""
        steps = []
        while parcels := self.parcels():
            steps += [self.apply(parcel) for parcel in parcels]
            for receipt in self.receipts():
                self.apply(receipt)
        return steps

    def move(self, partition: int, node: int) -> None:
        """Another node goes on with the work of a partition: its attempts are lost."""
        self.nodes[self.owners[partition]].release([partition])
        self.nodes[node].gain([partition])
        self.owners[partition] = node
        placement = self.store.placement
        rows = [row for id, row in self.store.invocations.items() if placement.of_invocation(id) == partition]
        for lost in recover(rows):
            self.apply(lost)

    def is_quiet(self) -> bool:
        """Whether no message is left, and all senders know that."""
        return not self.store.outbox and all(way.sent == way.acknowledged for way in self.store.channels.values())

    def mint(self, partition: int) -> str:
        """A new id in a partition."""
        self.minted += 1
        return ids.mint(NOW_MS, self.minted, _first_place(partition, self.store.placement.partitions))

    def account(self, partition: int) -> Target:
        """An object that lies in a partition."""
        return self._in(partition, (Target(ALICE.service, ALICE.handler, f"of {number}") for number in range(1_000)))

    def workflow(self, partition: int) -> Target:
        """The run of a workflow that lies in a partition."""
        return self._in(partition, (Target(SIGNUP.service, SIGNUP.handler, f"for {number}") for number in range(1_000)))

    def key(self, target: Target, partition: int) -> str:
        """An idempotency key that places a call of a service in a partition."""
        keys = (f"key {number}" for number in range(1_000))
        of_name = self.store.placement.of_name
        return next(key for key in keys if of_name(IdempotencyKey(target, key)) == partition)

    def _in(self, partition: int, targets: Iterator[Target]) -> Target:
        of_key = self.store.placement.of_key
        return next(target for target in targets if of_key(target.service, target.key) == partition)


def _first_place(partition: int, partitions: int) -> int:
    return -(-(partition << 16) // partitions)
