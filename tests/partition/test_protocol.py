"""What an endpoint that breaks the protocol says is refused: going on could damage the journal."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation, Entry
from perdure_runtime.partition.effect import Abort
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import Paused
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE_READ,
    clear_state,
    completed,
    get_promise,
    get_state_keys,
    run,
    set_state,
    signal,
    step_failed,
)


def test_a_command_that_skips_a_number_is_refused(room: Room) -> None:
    room.submit("inv_a")
    step = room.command("inv_a", 1, run())

    reason = "the endpoint sent command 1 where 0 is next"
    row = room.row("inv_a")
    assert (row.status, row.last_error) == (Paused(), reason)
    assert step == Step(Writes(invocations={"inv_a": row}), [Abort("inv_a", 1, reason)])


@pytest.mark.parametrize("entry", [set_state("balance", b"1"), clear_state("balance")])
def test_what_a_shared_handler_records_of_the_state_stays_in_its_journal(room: Room, entry: Entry) -> None:
    room.submit("inv_r", ALICE_READ)
    step = room.command("inv_r", 0, entry)

    assert step.effects == []
    assert step.writes.state == {}
    assert room.journal("inv_r") == [entry]


@pytest.mark.parametrize(
    "entry", [completed(0, 1), step_failed(0, 1, "no"), signal("go"), Entry(cancellation=Cancellation()), Entry()]
)
def test_what_is_no_command_is_a_bug_of_the_node(room: Room, entry: Entry) -> None:
    room.submit("inv_a")

    with pytest.raises(AssertionError, match="is no command"):
        room.command("inv_a", 0, entry)


def test_a_refused_invocation_goes_on_when_it_is_resumed(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.command("inv_a", 7, run())
    room.resume("inv_a")
    room.step_ended("inv_a", 0, b"paid")

    assert room.journal("inv_a") == [run(), completed(0, NOW_MS, b"paid")]


@pytest.mark.parametrize("entry", [set_state("balance", b"1"), get_state_keys(), get_promise("paid")], ids=str)
def test_what_has_no_key_has_neither_state_nor_promises(room: Room, entry: Entry) -> None:
    room.submit("inv_a")
    step = room.command("inv_a", 0, entry)

    assert isinstance(room.status("inv_a"), Paused)
    assert room.row("inv_a").last_error.endswith("for shop.v1.OrderService, which has no key")
    assert step.writes.journal == {}
