"""When schedules call: cron on clocks that are moved, intervals, delays, and what becomes of missed times."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perdure_runtime.contracts.times import Cron, Interval, NoTimes
from perdure_runtime.sources.planning import MISSED_AFTER_MS, MOST_CAUGHT_UP, CatchUp, Timetable, plan

VIENNA = ZoneInfo("Europe/Vienna")
HOUR_MS = 3_600_000
CRONS = ["30 2 * * *", "0 2,3 * * *", "*/20 * * * *", "15 */6 * * *", "0 0 29 2 *", "@weekly"]


def ms(text: str) -> int:
    """A moment on Vienna's clocks."""
    return round(datetime.fromisoformat(text).replace(tzinfo=VIENNA).timestamp() * 1_000)


def told(moment_ms: int | None) -> str:
    """A moment as Vienna's clocks show it."""
    assert moment_ms is not None
    return datetime.fromtimestamp(moment_ms / 1_000, VIENNA).strftime("%d %H:%M")


def test_a_time_that_clocks_leave_out_comes_right_after() -> None:
    cron = Cron.read("30 2 * * *", "Europe/Vienna")
    assert told(cron.after(ms("2026-03-29T00:00"))) == "29 03:00"
    assert told(cron.after(ms("2026-03-29T03:00"))) == "30 02:30"


def test_a_time_that_clocks_show_twice_comes_once() -> None:
    cron = Cron.read("30 2 * * *", "Europe/Vienna")
    first = cron.after(ms("2026-10-25T00:00"))
    assert told(first) == "25 02:30"
    assert first is not None
    assert told(cron.after(first)) == "26 02:30"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CRONS), st.integers(0, 2_000_000_000_000), st.integers(0, 40 * 24 * HOUR_MS), st.integers(1, 50))
def test_the_latest_times_of_a_span_are_those_that_come_one_after_the_other(
    expression: str, begin_ms: int, span_ms: int, most: int
) -> None:
    cron = Cron.read(expression, "Europe/Vienna")
    found: list[int] = []
    due_ms = cron.after(begin_ms)
    while due_ms is not None and due_ms <= begin_ms + span_ms:
        found.append(due_ms)
        due_ms = cron.after(due_ms)
    assert cron.latest(begin_ms, begin_ms + span_ms, most) == found[-most:]
    assert found == sorted(set(found))


@given(st.integers(1_000, 10**8), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 20))
def test_intervals_count_from_their_origin(every_ms: int, origin_ms: int, moment_ms: int, most: int) -> None:
    times = Interval(every_ms, origin_ms)
    due_ms = times.after(moment_ms)
    assert moment_ms < due_ms <= moment_ms + every_ms
    assert (due_ms - origin_ms) % every_ms == 0
    latest = times.latest(moment_ms, moment_ms + 30 * every_ms, most)
    assert latest == [due_ms + number * every_ms for number in range(30)][-most:]


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "0 0 30 2 *", "@never", "* * * * * *"])
def test_what_is_no_cron_is_refused(expression: str) -> None:
    with pytest.raises(NoTimes, match="cron is"):
        Cron.read(expression, "")


def test_what_is_no_time_zone_is_refused() -> None:
    with pytest.raises(NoTimes, match="no IANA name"):
        Cron.read("@daily", "Europe/Nowhere")


@pytest.mark.parametrize(
    ("catch_up", "missed"), [(CatchUp.LATEST, [8]), (CatchUp.ALL, [1, 2, 3, 4, 5, 6, 7, 8]), (CatchUp.SKIP, [])]
)
def test_missed_times_are_caught_up_with_as_the_schedule_says(catch_up: CatchUp, missed: list[int]) -> None:
    table = Timetable("nightly", Interval(HOUR_MS), catch_up=catch_up)
    planned = plan(table, 0, 8 * HOUR_MS + MISSED_AFTER_MS + 1)
    assert list(planned.calls) == [hour * HOUR_MS for hour in missed]
    assert planned.settled_ms == 8 * HOUR_MS
    assert planned.next_ms == 9 * HOUR_MS


def test_no_more_than_a_thousand_times_are_caught_up_with() -> None:
    table = Timetable("often", Interval(1_000), catch_up=CatchUp.ALL)
    planned = plan(table, 0, 10_000_000)
    assert len(planned.calls) == MOST_CAUGHT_UP
    assert planned.calls[-1] == 10_000_000


@given(
    st.integers(0, 30_000),
    st.sampled_from(list(CatchUp)),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=30),
)
def test_times_come_once_in_order_and_never_early(jitter_ms: int, catch_up: CatchUp, waits: list[int]) -> None:
    table = Timetable("jittery", Interval(5_000), jitter_ms, catch_up)
    calls: list[int] = []
    now_ms = settled_ms = 0
    for wait in waits:
        now_ms += wait
        planned = plan(table, settled_ms, now_ms)
        assert all(table.calls_at(due) <= now_ms for due in planned.calls)
        assert planned == plan(table, settled_ms, now_ms)
        calls += planned.calls
        settled_ms = planned.settled_ms
    assert calls == sorted(set(calls))


def test_whoever_looks_in_time_misses_nothing() -> None:
    table = Timetable("jittery", Interval(5_000), 4_000, CatchUp.SKIP)
    calls: list[int] = []
    settled_ms = 0
    for now_ms in range(0, 100_000, 1_000):
        planned = plan(table, settled_ms, now_ms)
        calls += planned.calls
        settled_ms = planned.settled_ms
    assert calls == list(range(5_000, 95_001, 5_000))
