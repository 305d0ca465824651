"""Who is the next in line, where some have left: whatever of it is durable, being written, or written by this step."""

import pytest
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.rows import Place
from perdure_runtime.partition.view import InboxDocument, NotLoaded
from perdure_runtime.partition.writes import Writes

from tests.partition.room import Room
from tests.partition.samples import ALICE, BOB, WRITER, call

LINE = (ALICE.service, ALICE.key)


class Line:
    """A memory, and the places that storage has; what is written is not durable."""

    def __init__(self, *stored: int) -> None:
        self.memory = Memory()
        self.stored = {seq: f"inv_{seq}" for seq in stored}

    def write(self, *, joined: tuple[int, ...] = (), left: tuple[int, ...] = ()) -> None:
        """Some join the line and some leave it."""
        places = dict.fromkeys(left, "") | {seq: f"inv_{seq}" for seq in joined}
        self.memory.absorb(Writes(inbox={(*LINE, seq): id or None for seq, id in places.items()}))

    def next(self, seq: int = 0) -> Place | None:
        """Who is the first from a place on, with what storage must be asked for."""
        while True:
            try:
                return self.memory.inbox(*LINE, seq)
            except NotLoaded as missing:
                document = missing.document
                assert isinstance(document, InboxDocument)
                taken = [Place(seq, id) for seq, id in self.stored.items() if seq >= document.seq]
                self.memory.load(document, taken[0] if taken else None)


def _place(seq: int) -> Place:
    return Place(seq, f"inv_{seq}")


def test_a_durable_place_behind_empty_ones() -> None:
    assert Line(7).next() == _place(7)


def test_a_durable_place_that_is_being_left_is_passed_over() -> None:
    line = Line(3, 7, 9)
    line.write(left=(3, 7))

    assert line.next() == _place(9)
    assert line.next(4) == _place(9)


def test_a_place_that_is_being_taken_behind_empty_ones() -> None:
    line = Line(2)
    line.write(left=(2,), joined=(8, 7))

    assert line.next() == _place(7)
    assert line.next(8) == _place(8)
    assert line.next(9) is None


def test_a_place_in_another_line_is_none_of_this_one() -> None:
    line = Line()
    line.memory.absorb(Writes(inbox={(BOB.service, BOB.key, 4): "inv_4"}))

    assert line.next() is None


def test_a_line_that_began_anew_before_the_old_one_was_durable() -> None:
    line = Line(1, 2, 3)
    line.write(left=(1, 2, 3))
    line.write(joined=(0, 1))

    assert line.next() == _place(0)
    assert line.next(1) == _place(1)
    assert line.next(2) is None


def test_what_storage_said_of_a_line_is_asked_anew_after_a_commit() -> None:
    line = Line(1)
    assert line.next() == _place(1)
    line.memory.settle(Writes(), Writes())
    line.stored = {5: "inv_5"}

    assert line.next() == _place(5)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_step_that_ends_the_holder_of_a_key_passes_over_those_who_left_in_the_same_step(
    room: Room, in_memory: bool
) -> None:
    room.submit("inv_a")
    for command in range(6):
        room.command("inv_a", command, call(ALICE), mode=WRITER)
    room.submit("inv_last", ALICE, mode=WRITER)
    # Every other place is empty before; the rest of them are left by the step itself.
    for command in (2, 4):
        room.cancel(room.child("inv_a", command, ALICE))
    if not in_memory:
        room.memory = Memory()
    room.kill("inv_a")

    assert room.store.line(*LINE) == ["inv_last"]
