"""Filters against a list comprehension: what is found, counted, and how pages follow each other."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_protos.perdure.admin.v1.invocations_pb2 import InvocationFilter
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.admin.filters import ENDINGS, OPEN, STATUSES, Search
from perdure_runtime.storage.views import INVOCATION, ViewRow

from tests.admin.naive import NaiveSurvey, row_of

NOW_MS = 1_000
NAMES = st.sampled_from(["", "a", "b", "ab"])
OUTCOMES = st.sampled_from(
    [
        Outcome(value=b"v"),
        Outcome(failure=Failure(code=1, message="cancelled")),
        Outcome(failure=Failure(code=5, message="no order")),
    ]
)


@st.composite
def rows(draw: st.DrawFn) -> list[ViewRow]:
    """Invocations of some statuses, by ids in order."""
    return [_row(f"inv_{number}", draw) for number in range(draw(st.integers(0, 12)))]


def _row(id: str, draw: st.DrawFn) -> ViewRow:
    status = draw(st.sampled_from([*OPEN, "ended"]))
    outcome = draw(OUTCOMES) if status == "ended" else None
    return row_of(
        INVOCATION,
        id=id,
        service=draw(NAMES),
        handler=draw(NAMES),
        key=draw(NAMES),
        status=status,
        created_at_ms=draw(st.integers(0, NOW_MS)),
        last_error=draw(st.sampled_from(["", "no order", "closed"])),
        deployment_id=draw(NAMES),
        idempotency_key=draw(NAMES),
        caller_id=draw(st.sampled_from([None, "a", "b"])),
        outcome=outcome.SerializeToString() if outcome is not None else None,
        outcome_code=outcome.failure.code if outcome is not None else None,
    )


FILTERS = st.builds(
    InvocationFilter,
    service=NAMES,
    handler=st.sampled_from(["", "", "a"]),
    key=st.sampled_from(["", "", "b"]),
    statuses=st.lists(st.sampled_from(STATUSES), max_size=4),
    min_age_ms=st.sampled_from([0, 0, 300]),
    max_age_ms=st.sampled_from([0, 0, 700]),
    deployment_id=st.sampled_from(["", "", "ab"]),
    error_contains=st.sampled_from(["", "order", "c"]),
    caller_id=st.sampled_from(["", "", "a"]),
    ids=st.lists(st.sampled_from([f"inv_{number}" for number in range(12)]), max_size=3),
)


def _fits(row: ViewRow, wanted: InvocationFilter) -> bool:
    named = dict(zip(INVOCATION.columns, row, strict=True))
    outcome = Outcome.FromString(bytes(named["outcome"])) if isinstance(named["outcome"], bytes) else Outcome()
    age_ms = NOW_MS - int(named["created_at_ms"] or 0)
    same = ("service", "handler", "key", "deployment_id", "idempotency_key", "caller_id")
    tests: list[bool] = [
        all(getattr(wanted, name) in ("", named[name]) for name in same),
        not wanted.statuses or any(_is_in(str(named["status"]), outcome, status) for status in wanted.statuses),
        not wanted.min_age_ms or age_ms >= wanted.min_age_ms,
        not wanted.max_age_ms or age_ms <= wanted.max_age_ms,
        not wanted.ids or named["id"] in wanted.ids,
        wanted.error_contains in str(named["last_error"]) or wanted.error_contains in outcome.failure.message,
    ]
    return all(tests)


def _is_in(status: str, outcome: Outcome, wanted: str) -> bool:
    endings: dict[str, Callable[[], bool]] = {
        "ended": lambda: True,
        "succeeded": lambda: not outcome.HasField("failure"),
        "failed": lambda: outcome.HasField("failure"),
        "cancelled": lambda: outcome.failure.code == 1,
    }
    return (status == "ended" and endings[wanted]()) if wanted in endings else status == wanted


@given(rows(), FILTERS, st.booleans(), st.integers(1, 5))
def test_pages_of_a_filter_have_all_that_fits_once_and_in_order(
    there: list[ViewRow], wanted: InvocationFilter, descending: bool, size: int
) -> None:
    search = Search(NaiveSurvey({"invocation": there}), wanted, NOW_MS)
    found: list[str] = []
    while page := search.page(found[-1] if found else "", size, descending=descending):
        assert len(page) <= size
        found += (row.text("id") for row in page)
    fitting = sorted((str(row[0]) for row in there if _fits(row, wanted)), reverse=descending)
    assert found == fitting
    assert search.count(1_000) == len(fitting)
    assert search.count(1) == min(1, len(fitting))


def test_every_ending_is_a_status() -> None:
    assert set(STATUSES) == {*OPEN, *ENDINGS}


@pytest.mark.parametrize("until_ms", [0, 499, 500, 501])
def test_what_began_later_is_left_out(until_ms: int) -> None:
    there = row_of(INVOCATION, id="inv_0", status="running", created_at_ms=500)
    search = Search(NaiveSurvey({"invocation": [there]}), InvocationFilter(), NOW_MS, until_ms)
    assert search.count(10) == (1 if until_ms >= 500 else 0)
