"""Of keys that nobody runs on memory keeps so many bytes of state, and reads the rest again from storage."""

import pytest
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.rows import Target
from perdure_runtime.partition.view import NotLoaded, StateDocument
from perdure_runtime.partition.writes import Writes

from tests.partition.room import Room
from tests.partition.samples import ALICE, WRITER, clear_state, set_state


@pytest.fixture
def room() -> Room:
    room = Room()
    room.memory = Memory(most_idle_bytes=10_000)
    return room


def _begin(room: Room, key: str) -> None:
    room.submit(f"inv_{key}", Target(ALICE.service, ALICE.handler, key), mode=WRITER)


def _writes(room: Room, key: str, command: int, size: int) -> Writes:
    return room.command(f"inv_{key}", command, set_state("blob", b"x" * size)).writes


def _run(room: Room, key: str, size: int) -> None:
    """A handler leaves a state of this size, and all is durable."""
    _begin(room, key)
    _writes(room, key, 0, size)
    room.memory.settle(room.end(f"inv_{key}").writes, Writes())


def _knows(room: Room, key: str) -> bool:
    try:
        room.memory.state(ALICE.service, key)
    except NotLoaded:
        return False
    return True


def test_small_states_stay(room: Room) -> None:
    for key in "abc":
        _run(room, key, 3_000)

    assert [_knows(room, key) for key in "abc"] == [True, True, True]


def test_states_that_are_too_many_bytes_together_go(room: Room) -> None:
    for key in "abcd":
        _run(room, key, 3_000)

    assert not any(_knows(room, key) for key in "abcd")


def test_the_state_of_a_key_that_somebody_runs_on_stays(room: Room) -> None:
    _begin(room, "busy")
    room.memory.settle(_writes(room, "busy", 0, 9_000), Writes())
    _run(room, "idle", 9_000)

    assert (_knows(room, "busy"), _knows(room, "idle")) == (True, False)


def test_a_state_that_is_written_again_counts_once(room: Room) -> None:
    _begin(room, "a")
    for command in range(5):
        _writes(room, "a", command, 4_000)
    room.memory.settle(room.end("inv_a").writes, Writes())

    assert _knows(room, "a")


def test_a_state_that_is_cleared_counts_no_more(room: Room) -> None:
    _begin(room, "a")
    _writes(room, "a", 0, 9_000)
    room.command("inv_a", 1, clear_state("blob"))
    room.command("inv_a", 2, clear_state("blob"))
    room.memory.settle(room.end("inv_a").writes, Writes())
    _run(room, "b", 9_000)

    assert (_knows(room, "a"), _knows(room, "b")) == (True, True)


def test_a_state_that_was_read_counts(room: Room) -> None:
    room.memory.load(StateDocument(ALICE.service, "alice"), {"blob": b"x" * 20_000})
    room.memory.settle(Writes(), Writes())

    assert not _knows(room, "alice")


def test_busy_states_are_looked_through_again_only_when_they_have_doubled(room: Room) -> None:
    _begin(room, "busy")
    room.memory.settle(_writes(room, "busy", 0, 15_000), Writes())
    _run(room, "idle", 9_000)
    assert _knows(room, "idle")

    _run(room, "more", 9_000)
    assert not _knows(room, "idle")
