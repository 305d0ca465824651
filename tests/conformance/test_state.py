"""State of virtual objects: typed, kept, read by shared handlers, large or small."""

import os
from datetime import UTC, datetime

import perdure
import pytest
from conformance.v1 import Contents, CupboardClient, Key, Names, Size, Text

from tests.conformance.stage import Stage

feature = pytest.mark.feature

FULL = Contents(
    text="tea ☕",
    number=-(2**62),
    list=["a", "", "c"],
    map={"pi": 3.14, "": 0.0},
    message=Text(text="within"),
    time=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    blob=b"\xff\x00",
    size=Size.LARGE,
)


def put(client: perdure.SyncClient, key: str, contents: Contents = FULL) -> CupboardClient[perdure.SyncClient]:
    """A cupboard that holds something."""
    cupboard = CupboardClient(client, key)
    cupboard.put(contents)
    return cupboard


@feature("typed state: get and set")
def test_what_is_set_comes_back_with_its_type(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene)

    taken = cupboard.take(Key())

    expected = FULL.to_dict() | {"key": scene}
    assert taken.to_dict() == expected


@feature("typed state: get and set")
def test_what_was_never_set_has_the_default_of_its_field(client: perdure.SyncClient, scene: str) -> None:
    assert CupboardClient(client, scene).take(Key()) == Contents(key=scene)


@feature("typed state: get and set")
def test_a_value_that_was_read_is_a_copy(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(list=["set"]))

    assert cupboard.change_a_copy(Key()).list == ["set"]


@feature("typed state: get and set")
def test_an_invocation_reads_what_it_has_written(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(text="old", number=5))

    assert cupboard.read_your_writes(Key()).texts == ["old", "", "new", "", "number"]


@feature("typed state: get and set")
def test_objects_of_other_keys_have_their_own_state(client: perdure.SyncClient, scene: str) -> None:
    put(client, scene)

    assert CupboardClient(client, f"{scene}-other").take(Key()).text == ""


@feature("typed state: get and set")
def test_a_value_is_set_even_to_its_default(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    cupboard = CupboardClient(client, scene)
    assert not cupboard.has_number(Key()).yes
    stage.answer(scene, "hold", "")

    cupboard.hold_number(Contents(number=0))

    assert cupboard.has_number(Key()).yes


@feature("state: clear, clear_all, keys")
def test_a_field_that_is_cleared_has_its_default_again(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene)

    cupboard.clear(Names(names=["text", "list"]))

    left = cupboard.take(Key())
    assert (left.text, left.list) == ("", [])
    assert left.number == FULL.number


@feature("state: clear, clear_all, keys")
def test_all_state_of_a_key_is_cleared_at_once(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene)

    cupboard.clear_all(Key())

    assert cupboard.take(Key()) == Contents(key=scene)
    assert cupboard.keys(Key()).names == []


@feature("state: clear, clear_all, keys")
def test_the_fields_that_are_set_are_known_by_name(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(text="x", size=Size.SMALL, number=1))

    cupboard.clear(Names(names=["number"]))

    assert sorted(cupboard.keys(Key()).names) == ["size", "text"]


@feature("state: eager, and lazy where it is large")
def test_large_state_is_read_as_small_state_is(client: perdure.SyncClient, scene: str) -> None:
    large = Contents(text="small", blob=os.urandom(300_000), list=["x" * 1_000] * 100, number=7)
    cupboard = put(client, scene, large)

    taken = cupboard.take(Key())

    assert (taken.text, taken.number, taken.list) == ("small", 7, large.list)
    assert taken.blob == large.blob
    assert sorted(cupboard.keys(Key()).names) == ["blob", "list", "number", "text"]


@feature("state: eager, and lazy where it is large")
def test_large_state_that_is_cleared_or_replaced_stays_so(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(text="old", blob=os.urandom(300_000)))

    assert cupboard.read_your_writes(Key()).texts == ["old", "", "new", "", "number"]
    assert cupboard.take(Key()) == Contents(key=scene, number=1)


@feature("state: eager, and lazy where it is large")
def test_a_shared_handler_reads_large_state(client: perdure.SyncClient, scene: str) -> None:
    blob = os.urandom(300_000)

    assert put(client, scene, Contents(blob=blob, text="x")).look(Key()).blob == blob


@feature("state is read-only in shared handlers")
def test_a_shared_handler_reads_what_was_written(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene)

    assert cupboard.look(Key()) == cupboard.take(Key())


@feature("state is read-only in shared handlers")
def test_a_shared_handler_has_no_way_to_write(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(text="kept"))

    assert "set" in cupboard.write_shared(Key()).text
    assert cupboard.take(Key()).text == "kept"


@feature("state is exactly once")
def test_a_write_of_an_attempt_that_fails_is_not_written_twice(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(number=10))

    assert cupboard.add_and_stumble(Key()).number == 12
    assert cupboard.take(Key()).number == 12


@feature("state is exactly once")
def test_what_was_written_before_a_terminal_error_stays(client: perdure.SyncClient, scene: str) -> None:
    cupboard = put(client, scene, Contents(number=10))

    with pytest.raises(perdure.TerminalError, match="enough"):
        cupboard.add_and_end(Key())

    assert cupboard.take(Key()).number == 11
