"""Places in line: storage finds the first that is taken, however many before it were left."""

import pytest
from perdure_runtime.partition.rows import Place
from perdure_runtime.partition.view import InboxDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage

from tests.storage.samples import save

TAKEN = {3: "inv_3", 4: "inv_4", 1_000: "inv_b", 10_000_000_000: "inv_a"}


@pytest.fixture
def line(storage: Storage) -> Storage:
    save(storage, Writes(inbox={("s", "k", seq): id for seq, id in TAKEN.items()}))
    save(storage, Writes(inbox={("s", "j", 500): "inv_j", ("s", "l", 0): "inv_l", ("t", "k", 5): "inv_t"}))
    return storage


@pytest.mark.parametrize(
    ("seq", "first"), [(0, 3), (3, 3), (4, 4), (5, 1_000), (1_000, 1_000), (1_001, 10_000_000_000)]
)
def test_the_first_place_from_a_number_on(line: Storage, seq: int, first: int) -> None:
    assert line.load(InboxDocument("s", "k", seq)) == Place(first, TAKEN[first])


def test_a_place_that_was_left_is_passed_over(line: Storage) -> None:
    save(line, Writes(inbox={("s", "k", 3): None, ("s", "k", 4): None}))

    assert line.load(InboxDocument("s", "k", 0)) == Place(1_000, "inv_b")


def test_behind_the_last_place_stands_nobody(line: Storage) -> None:
    assert line.load(InboxDocument("s", "k", 10_000_000_001)) is None
    assert line.load(InboxDocument("s", "", 0)) is None
