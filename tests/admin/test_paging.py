"""Page tokens: those that were given are read, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_runtime.admin.paging import place_of, size_of, token_of
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.partition.rows import LAST_MS


@given(st.lists(st.text() | st.integers(0, LAST_MS), min_size=1, max_size=4))
def test_a_token_is_the_place_that_it_was_made_of(place: list[str | int]) -> None:
    token = token_of(place)
    assert place_of(token, place) == place
    assert token.replace("-", "").replace("_", "").isalnum()


@given(st.text())
def test_any_other_text_is_refused_or_a_place(text: str) -> None:
    try:
        place = place_of(text, ("", 0))
    except Refusal as refusal:
        place = None
        told = refusal.message
    else:
        told = "page_token"
    assert place is None or [type(value) for value in place] == [str, int]
    assert told.startswith("page_token")


@pytest.mark.parametrize("number", [-1, LAST_MS + 1, 10**30])
def test_a_moment_that_is_none_is_refused(number: int) -> None:
    with pytest.raises(Refusal):
        place_of(token_of(("inv_1", number)), ("", 0))


def test_no_token_is_the_beginning() -> None:
    assert place_of("", ("",)) is None


@pytest.mark.parametrize(("asked", "size"), [(0, 50), (1, 1), (1_000, 1_000), (1_001, 1_000)])
def test_a_page_has_as_many_as_are_asked_for_within_bounds(asked: int, size: int) -> None:
    assert size_of(asked) == size
