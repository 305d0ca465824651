"""A step in the making reads what it has written itself."""

import pytest
from perdure_runtime.partition.draft import Draft

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import completed, sleep


@pytest.fixture
def draft(room: Room) -> Draft:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    return Draft(room.store, NOW_MS)


def test_an_invocation_that_it_forgot_is_gone(draft: Draft) -> None:
    draft.purge("inv_a")

    assert draft.invocation("inv_a") is None


def test_a_command_that_it_completed_is_settled(draft: Draft) -> None:
    assert not draft.settled("inv_a", 0)
    draft.append("inv_a", completed(0, NOW_MS))

    assert draft.settled("inv_a", 0)
    assert draft.journal("inv_a").settled(0)
    assert not draft.settled("inv_a", 1)


def test_entries_that_it_adds_follow_those_before(draft: Draft) -> None:
    draft.append("inv_a", sleep(1))
    draft.append("inv_a", sleep(2))

    assert draft.writes.journal == {("inv_a", 1): sleep(1), ("inv_a", 2): sleep(2)}
    assert draft.journal("inv_a").commands == 3
