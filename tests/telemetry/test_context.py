"""Where an invocation stands in a trace: told from its id and headers, by any node, at any time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure.vm.headers import LINK, TRACEPARENT
from perdure_runtime.telemetry.context import Point, headers_within, hush, place_of, read_point

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
POINT = Point(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, 1)


def test_a_called_invocation_belongs_to_its_caller() -> None:
    place = place_of("inv_1", [(TRACEPARENT, CALLER)])

    assert place is not None
    assert (place.parent, place.link) == (POINT, None)
    assert place.own.trace_id == POINT.trace_id
    assert place.own.span_id not in (0, POINT.span_id)


def test_a_sent_invocation_begins_a_trace_and_is_linked() -> None:
    place = place_of("inv_1", [(LINK, CALLER)])

    assert place is not None
    assert (place.parent, place.link) == (None, POINT)
    assert place.own.trace_id not in (0, POINT.trace_id)


def test_an_invocation_is_the_same_span_each_time_and_another_one_is_another() -> None:
    headers = [(TRACEPARENT, CALLER)]

    assert place_of("inv_1", headers) == place_of("inv_1", headers)
    assert place_of("inv_1", headers) != place_of("inv_2", headers)


def test_whether_a_trace_is_kept_stays_as_its_caller_says() -> None:
    for header in (TRACEPARENT, LINK):
        place = place_of("inv_1", [(header, CALLER[:-1] + "0")])
        assert place is not None
        assert not place.own.is_sampled


def test_an_endpoint_is_told_its_invocation_and_all_else_as_it_came() -> None:
    place = place_of("inv_1", [(TRACEPARENT, CALLER)])
    told = headers_within("inv_1", [("a", "b"), (TRACEPARENT, CALLER), ("tracestate", "x=y")])

    assert place is not None
    assert dict(told) == {"a": "b", TRACEPARENT: str(place.own), "tracestate": "x=y"}


def test_headers_without_a_trace_are_handed_on_untouched() -> None:
    headers = (("a", "b"),)

    assert headers_within("inv_1", headers) is headers


def test_what_is_hushed_keeps_its_place_in_a_trace_that_is_not_kept() -> None:
    headers = {"a": "b", TRACEPARENT: CALLER}
    hush(headers)
    without = {"a": "b"}
    hush(without)

    assert headers == {"a": "b", TRACEPARENT: CALLER[:-1] + "0"}
    assert without == {"a": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "junk",
        CALLER + "-more",
        CALLER.upper(),
        "ff" + CALLER[2:],
        "00-" + "0" * 32 + CALLER[35:],
        CALLER[:36] + "0" * 16 + "-01",
    ],
)
def test_what_is_no_traceparent_is_passed_over(text: str) -> None:
    assert read_point(text) is None
    assert place_of("inv_1", [(TRACEPARENT, text)]) is None


def test_a_traceparent_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert read_point("01" + CALLER[2:] + "-more") == POINT


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 1))
def test_a_point_is_read_as_it_was_written(trace_id: int, span_id: int, flags: int) -> None:
    point = Point(trace_id, span_id, flags)

    assert read_point(str(point)) == point
