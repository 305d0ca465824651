"""The laws of several partitions: what may happen to one, while messages come late, twice or too early.

Partitions move from node to node, and a message is there before, or after, what it is about has ended.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from perdure_runtime.partition import ids
from perdure_runtime.partition.effect import Acknowledge
from perdure_runtime.partition.input import Acknowledged, Receive
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.rows import IdempotencyKey, Target
from perdure_runtime.partition.writes import Writes

from tests.partition import laws
from tests.partition.model import Model
from tests.partition.room import NOW_MS
from tests.partition.samples import call
from tests.partition.store import Store
from tests.partition.test_any_order import AnyOrder, keys, targets
from tests.partition.town import Town
from tests.partition.witness import Witness

OWNERS = (0, 1, 0, 2)


class WitnessedTown(Town, Witness):
    """Several partitions, looked at from all sides."""

    def crash(self, durable: Store, model: Model) -> None:
        placement = durable.placement
        for node, memory in self.nodes.items():
            self.nodes[node] = Memory(placement, memory.owned)
        super().crash(durable, model)

    def receive(self, parcel: Receive) -> None:
        """A message comes. Only the next one counts, and that once."""
        last = self.store.arrived.get((parcel.source, parcel.destination), 0)
        step = self.apply(parcel)
        if parcel.seq != last + 1:
            assert step == Step(Writes(), [Acknowledge(parcel.source, parcel.destination, last)])
        else:
            assert step.writes.received == {(parcel.source, parcel.destination): parcel.seq}


class AnyOrderOfMessages(AnyOrder):
    """Four partitions of three nodes."""

    room: WitnessedTown

    @precondition(lambda self: self.room.store.outbox)
    @rule(data=st.data(), count=st.integers(1, 4))
    def the_next_messages_come(self, data: st.DataObject, count: int) -> None:
        first = data.draw(st.sampled_from(self.room.parcels()))
        way = (first.source, first.destination)
        last = self.room.store.arrived.get(way, 0)
        for parcel in self.room.parcels():
            if (parcel.source, parcel.destination) == way and last < parcel.seq <= last + count:
                self.room.receive(parcel)

    @precondition(lambda self: self.room.store.outbox)
    @rule(data=st.data())
    def some_message_comes(self, data: st.DataObject) -> None:
        self.room.receive(data.draw(st.sampled_from(self.room.parcels())))

    @precondition(lambda self: self.room.store.arrived)
    @rule(data=st.data(), missing=st.integers(-1, 2))
    def a_sender_hears_how_far_its_messages_have_come(self, data: st.DataObject, missing: int) -> None:
        receipt = data.draw(st.sampled_from(self.room.receipts()))
        seq = (
            min(receipt.seq - missing, receipt.seq)
            if missing >= 0
            else self.room.store.channels[receipt.source, receipt.destination].sent + 1
        )
        self.room.apply(Acknowledged(receipt.source, receipt.destination, seq))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), called=st.lists(st.tuples(targets, keys), min_size=2, max_size=4), kill=st.booleans())
    def a_handler_that_has_called_far_and_wide_is_stopped(
        self, data: st.DataObject, called: list[tuple[Target, str]], kill: bool
    ) -> None:
        row = self._draw(data, self._running())
        for target, key in called:
            self._ask(row, call(target, idempotency_key=key))
            if data.draw(st.booleans()):
                self._let_arrive()
        (self.room.kill if kill else self.room.cancel)(row.id)

    @rule(partition=st.sampled_from(range(len(OWNERS))), node=st.sampled_from(sorted(set(OWNERS))))
    def a_partition_moves(self, partition: int, node: int) -> None:
        self.said.clear()
        self.room.move(partition, node)

    @rule()
    def all_messages_come(self) -> None:
        self._let_arrive()

    def teardown(self) -> None:
        if hasattr(self, "room"):
            super().teardown()
            self._let_arrive()
            assert self.room.is_quiet()
            laws.check(self.room.store)

    def _found(self) -> WitnessedTown:
        return WitnessedTown(*OWNERS)

    def _mint(self, target: Target, key: str, like: str = "") -> str:
        self.minted += 1
        if target.key or (key and not like):
            place = ids.place_of_name(IdempotencyKey(target, key))
        else:
            place = ids.place_of(like) if like else self.minted * 0x4321 & 0xFFFF
        return ids.mint(NOW_MS, self.minted, place)

    def _let_arrive(self) -> bool:
        return bool(self.room.bring())


TestAnyOrderOfMessages = AnyOrderOfMessages.TestCase
TestAnyOrderOfMessages.settings = settings(max_examples=4 * settings().max_examples)
