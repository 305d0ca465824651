"""What a step may give: it comes back as what it was, or is refused with what to give instead."""

import dataclasses
import enum
import math
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure import UnsupportedResult
from perdure.annotations import Annotations
from perdure.results import dump, load

from tests.sdk.contract import Word


class Color(enum.Enum):
    """An enum."""

    RED = 1
    BLUE = 2


@dataclasses.dataclass(frozen=True)
class Charge:
    """A dataclass."""

    id: str
    cents: int
    lines: list["Charge"]
    color: Color = Color.RED


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: object


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30)))),
    st.dates(),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.sampled_from(Color),
    st.builds(Word, text=st.text(), number=st.integers(-(2**63), 2**63 - 1)),
)
KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.dates(), st.tuples(st.text(), st.integers()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner),
        st.builds(Point, st.integers(), inner),
        st.builds(Charge, st.text(), st.integers(), st.lists(st.builds(Charge, st.text(), st.integers(), st.just([])))),
        st.sets(KEYS),
        st.frozensets(KEYS),
    ),
    max_leaves=12,
)


def no_annotation(*arguments: object) -> object:
    """A function that says nothing of its result."""
    return arguments


def back(value: object, function: Callable[..., object] = no_annotation) -> object:
    """A value through the journal."""
    return load(dump(value, "step"), Annotations(function))


def same(one: object, other: object) -> bool:
    """Whether two values are equal and of equal types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other


@given(VALUES)
def test_every_supported_value_comes_back_as_it_was(value: object) -> None:
    assert same(back(value), value)


@given(VALUES)
def test_equal_results_have_equal_bytes(value: object) -> None:
    assert dump(back(value), "step") == dump(value, "step")


@pytest.mark.parametrize("value", [math.nan, Decimal("NaN")])
def test_what_is_no_number_comes_back_as_such(value: float | Decimal) -> None:
    assert repr(back(value)) == repr(value)
    assert type(back(value)) is type(value)


@pytest.mark.parametrize("value", [{"$type": "tuple", "value": []}, {"$type": {"$type": 1}}])
def test_a_dict_that_looks_like_our_own_marks_stays_a_dict(value: object) -> None:
    assert back(value) == value


def test_a_message_and_bytes_travel_without_a_detour_over_json() -> None:
    assert dump(b"\x00\xff", "step") == b"\x01\x00\xff"
    assert dump(Word(text="hi"), "step").startswith(b"\x02")


@pytest.mark.parametrize("value", [object(), {1: object()}, [open], Charge("a", 1, [object()]), 1j])  # type: ignore[list-item]  # the point
def test_what_the_journal_cannot_carry_is_refused_with_where_it_was(value: object) -> None:
    with pytest.raises(UnsupportedResult, match=r"step 'step' gave .* of type .*; return one of None, bool, int"):
        dump(value, "step")


@pytest.mark.parametrize("base", [int, str, float, list, dict, bytes, datetime, date])
def test_a_subclass_of_a_supported_type_is_refused_since_it_would_come_back_as_another(base: type) -> None:
    kind = type("Special", (base,), {})
    value = kind(2020, 1, 1) if issubclass(base, date) else kind()
    with pytest.raises(UnsupportedResult, match="Special"):
        dump([value], "step")


def test_a_class_that_has_moved_is_found_by_the_annotation_of_the_function() -> None:
    def charge() -> list[Charge]:
        return []

    moved = dump([Charge("a", 1, [])], "step").replace(b"tests.sdk.test_results:Charge", b"shop.gone:Charge")
    assert load(moved, Annotations(charge)) == [Charge("a", 1, [])]


def test_a_class_that_nobody_has_is_refused_with_what_to_do() -> None:
    gone = dump(Charge("a", 1, []), "step").replace(b"tests.sdk.test_results:Charge", b"shop.gone:Payment")
    with pytest.raises(UnsupportedResult, match=r"shop\.gone:Payment.*import it before the handler runs"):
        load(gone, Annotations(no_annotation))


def test_ids_keep_their_type() -> None:
    value = uuid.UUID(int=7)
    assert back(value) == value
