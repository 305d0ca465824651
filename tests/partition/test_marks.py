"""Sources: what they bring comes through once, however often they bring it."""

from perdure_runtime.partition.effect import Accepted, Start
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Mark

from tests.partition.room import Room
from tests.partition.samples import ALICE, ORDER, WRITER

SOURCE = "kafka/orders/0"


def test_the_mark_is_written_with_the_invocation(room: Room) -> None:
    step = room.submit("inv_a", mark=Mark(SOURCE, 7))

    assert step.writes.marks == {(0, SOURCE): 7}
    assert "inv_a" in step.writes.inserted
    assert Accepted("inv_a", "inv_a") in step.effects


def test_what_has_come_through_is_nothing_when_it_is_brought_again(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER, mark=Mark(SOURCE, 7))
    again = room.submit("inv_b", ALICE, mode=WRITER, mark=Mark(SOURCE, 7))
    earlier = room.submit("inv_c", ALICE, mode=WRITER, mark=Mark(SOURCE, 3))

    for step, id in ((again, "inv_b"), (earlier, "inv_c")):
        assert not step.writes
        assert step.effects == [Accepted(id, id, existing=True)]
    assert set(room.store.invocations) == {"inv_a"}


def test_what_lies_beyond_comes_through(room: Room) -> None:
    room.submit("inv_a", mark=Mark(SOURCE, 7))
    room.submit("inv_b", mark=Mark(SOURCE, 9))

    assert room.store.marks == {(0, SOURCE): 9}
    assert set(room.store.invocations) == {"inv_a", "inv_b"}


def test_the_first_message_of_a_topic_comes_through(room: Room) -> None:
    step = room.submit("inv_a", mark=Mark(SOURCE, 0))

    assert any(isinstance(effect, Start) for effect in step.effects)


def test_sources_do_not_get_in_each_others_way(room: Room) -> None:
    room.submit("inv_a", mark=Mark(SOURCE, 7))
    room.submit("inv_b", mark=Mark("kafka/orders/1", 2))

    assert room.store.marks == {(0, SOURCE): 7, (0, "kafka/orders/1"): 2}
    assert set(room.store.invocations) == {"inv_a", "inv_b"}


def test_a_call_that_its_key_makes_an_older_one_moves_the_mark_too(room: Room) -> None:
    room.submit("inv_a", ORDER, idempotency_key="one")
    step = room.submit("inv_b", ORDER, idempotency_key="one", mark=Mark(SOURCE, 7))

    assert step.effects == [Accepted("inv_b", "inv_a", existing=True)]
    assert room.store.marks == {(0, SOURCE): 7}


def test_a_partition_that_leaves_takes_its_marks_along() -> None:
    room = Room(Placement(2))
    room.submit("inv_0000000000000000000000000A", mark=Mark(SOURCE, 7))
    ((partition, _),) = room.store.marks
    room.memory.release([partition])
    room.store.marks[partition, SOURCE] = 9
    room.memory.gain([partition])

    assert not room.submit("inv_0000000000000000000000000B", mark=Mark(SOURCE, 8)).writes
