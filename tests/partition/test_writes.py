"""A batch: the writes of many steps, folded so that each row is written once."""

from dataclasses import fields

import pytest
from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_runtime.partition.rows import Caller, Channel, IdempotencyKey, ObjectRow, PromiseRow, StartDue, Timer
from perdure_runtime.partition.writes import Writes

from tests.partition.room import Room
from tests.partition.samples import ORDER, outcome, run

KEY = IdempotencyKey(ORDER, "k")
TIMER = Timer(1, "inv_a", StartDue())


def _everything(room: Room) -> Writes:
    """Something in every table."""
    room.submit("inv_a")
    return Writes(
        invocations={"inv_a": room.row("inv_a")},
        inserted={"inv_a"},
        purged={"inv_z"},
        forgotten={"inv_y"},
        journal={("inv_a", 0): run()},
        listeners={("inv_a", Caller("inv_b", 0)): True},
        objects={("s", "k"): ObjectRow("inv_a", 0, 0)},
        inbox={("s", "k", 0): "inv_a"},
        state={("s", "k", "n"): b"1"},
        idempotency={KEY: "inv_a"},
        promises={("s", "k", "paid"): PromiseRow(waiting=(Caller("inv_b", 1),))},
        timers={TIMER: True},
        held={("inv_a", 0): outcome(b"sent")},
        channels={(0, 1): Channel(1, 0)},
        outbox={(0, 1, 1): Message()},
        received={(1, 0): 3},
        marks={(0, "kafka/orders/0"): 7},
    )


def test_a_batch_takes_in_every_table(room: Room) -> None:
    batch, step = Writes(), _everything(room)
    batch.merge(step)
    assert batch == step

    batch.merge(Writes())
    assert batch == step


def test_a_later_write_of_a_row_replaces_an_earlier_one(room: Room) -> None:
    batch = _everything(room)
    batch.merge(
        Writes(
            objects={("s", "k"): None},
            inbox={("s", "k", 0): None},
            state={("s", "k", "n"): None},
            idempotency={KEY: None},
            promises={("s", "k", "paid"): None},
            timers={TIMER: False},
        )
    )

    assert batch.objects == {("s", "k"): None}
    assert batch.inbox == {("s", "k", 0): None}
    assert batch.state == {("s", "k", "n"): None}
    assert batch.idempotency == {KEY: None}
    assert batch.promises == {("s", "k", "paid"): None}
    assert batch.timers == {TIMER: False}
    assert batch.inserted == {"inv_a"}


@pytest.mark.parametrize("table", [table.name for table in fields(Writes) if table.name != "inserted"])
def test_a_batch_with_something_in_it_must_be_committed(room: Room, table: str) -> None:
    assert not Writes()
    assert Writes(**{table: getattr(_everything(room), table)})
