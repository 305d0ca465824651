"""Times, lengths, errors and journals in the words that pages show."""

import pytest
from perdure_protos.perdure.admin.v1.invocations_pb2 import JournalEntry
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.charts import bar, sparkline
from perdure_runtime.ui.durations import exact, read_ms, relative, span, written
from perdure_runtime.ui.links import link
from perdure_runtime.ui.rendering import headline, pretty
from perdure_runtime.ui.timeline import rows_of

from tests.ui.shop import NOW_MS, failed, invocation, journal

TRACEBACK = """Traceback (most recent call last):
  File "app.py", line 3, in charge
    raise ConnectionError("the bank is away")
ConnectionError: the bank is away
in step 'charge'"""


@pytest.mark.parametrize(
    ("length_ms", "told"),
    [
        (0, "0 ms"),
        (0.25, "0.25 ms"),
        (12, "12 ms"),
        (1_250, "1.25 s"),
        (59_900, "59.9 s"),
        (60_000, "1 min"),
        (3_660_000, "1 h 1 min"),
        (86_400_000 * 3, "3 d"),
    ],
)
def test_a_length_is_told_in_its_two_greatest_units(length_ms: float, told: str) -> None:
    assert span(length_ms) == told


@pytest.mark.parametrize(
    ("away_ms", "told"), [(0, "now"), (-12_000, "12 s ago"), (-7_200_000, "2 h ago"), (180_000, "in 3 min")]
)
def test_a_time_is_told_from_now(away_ms: int, told: str) -> None:
    assert relative(NOW_MS + away_ms, NOW_MS) == told


def test_the_exact_time_is_to_the_millisecond() -> None:
    assert exact(1_700_000_000_123) == "2023-11-14 22:13:20.123 UTC"


@pytest.mark.parametrize("length_ms", [0, 1, 1_500, 90_000, 300_000, 86_400_000, 604_800_000])
def test_a_length_that_is_written_is_read_back(length_ms: int) -> None:
    assert read_ms("it", written(length_ms)) == length_ms


@pytest.mark.parametrize("text", ["", "5", "five min", "-1 s", "1 week", "1e9 s"])
def test_what_is_no_length_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(Refusal, match="write a number and a unit"):
        read_ms("it", text)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TRACEBACK, "ConnectionError: the bank is away in step 'charge'"),
        (TRACEBACK.rpartition("\n")[0], "ConnectionError: the bank is away"),
        ("no funds\nmore of it", "no funds"),
        ("", ""),
    ],
)
def test_an_error_is_told_in_one_line(error: str, told: str) -> None:
    assert headline(error) == told


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_no_json_is_shown_as_it_is(text: str) -> None:
    assert pretty(text) == text


def test_names_and_keys_are_quoted_in_addresses() -> None:
    assert link("objects", "a.B", "key", key="a/b?c&d=e", page="") == "/ui/objects/a.B/key?key=a%2Fb%3Fc%26d%3De"
    assert link("invocations", "../x") == "/ui/invocations/..%2Fx"


def test_the_result_of_a_command_stands_in_its_row() -> None:
    rows = rows_of(failed(), journal().entries, NOW_MS)

    assert [row.entry.index for row in rows] == [0, 2]
    assert (rows[0].word, rows[0].took) == ("done", "2 s")
    assert (rows[1].word, rows[1].took) == ("no result", "1 min")


def test_what_goes_on_is_open_until_now() -> None:
    waiting = JournalEntry(index=0, kind="sleep", command=0, began_at_ms=NOW_MS - 45_000)

    (row,) = rows_of(invocation("inv_1"), [waiting], NOW_MS)

    assert (row.word, row.took) == ("open", "45 s")
    assert row.bar == bar(NOW_MS - 45_000, NOW_MS, (NOW_MS - 90_000, NOW_MS))
    assert (row.bar.start, row.bar.width) == (500, 500)


def test_bars_and_lines_stay_within_their_drawing() -> None:
    instant = bar(10, 10, (0, 10))
    line = sparkline("x", [0, 5, 10], "10", "10", "is-running")

    assert instant.start + instant.width <= 1_000
    assert line.line == "0.0,42.0 120.0,22.0 240.0,2.0"
    assert sparkline("x", [], "", "", "").line == ""
