"""What ends without an attempt of its own is kept for as long as its contract says, like any other end."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from perdure_runtime.partition.rows import SHARED, Ended

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import EMAIL, ONE_RUN, SIGNUP, call

KEPT = replace(SHARED, outcome_retention_ms=7_000, journal_retention_ms=3_000)


def _kept_for(room: Room, id: str) -> tuple[int, int]:
    status = room.status(id)
    assert isinstance(status, Ended)
    return status.outcome_until_ms - NOW_MS, status.journal_until_ms - NOW_MS


@pytest.mark.parametrize("stop", [Room.cancel, Room.kill])
def test_a_call_that_never_started(room: Room, stop: Callable[[Room, str], object]) -> None:
    room.submit("inv_a", mode=KEPT, delay_ms=1_000)
    stop(room, "inv_a")

    assert _kept_for(room, "inv_a") == (7_000, 3_000)


def test_a_workflow_that_is_killed(room: Room) -> None:
    room.submit("inv_run", SIGNUP, mode=replace(ONE_RUN, outcome_retention_ms=9_000))
    room.kill("inv_run")

    assert _kept_for(room, "inv_run")[0] == 9_000


def test_a_callee_that_is_killed_with_its_caller(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, call(EMAIL), mode=KEPT)
    room.kill("inv_a")

    assert _kept_for(room, room.child("inv_a", 0, EMAIL)) == (7_000, 3_000)
