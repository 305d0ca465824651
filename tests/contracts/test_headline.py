"""Of a traceback people want the exception; an error of one line is that line."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_runtime.contracts.headline import headline


def _broken(message: str, note: str = "") -> str:
    try:
        try:
            raise KeyError("before")
        except KeyError as cause:
            raise ConnectionError(message) from cause
    except ConnectionError as error:
        if note:
            error.add_note(note)
        return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("the bank is closed", "the bank is closed"),
        ("", ""),
        ("two\n lines", "two lines"),
        (_broken("no answer"), "ConnectionError: no answer"),
        (_broken("no answer", "in step 'charge'"), "ConnectionError: no answer in step 'charge'"),
        (_broken("no\n answer"), "ConnectionError: no answer"),
        (_broken("no answer")[40:], "ConnectionError: no answer"),
    ],
)
def test_it_is_the_exception_and_what_was_noted(error: str, line: str) -> None:
    assert headline(error) == line


@given(st.text(max_size=60))
def test_it_is_one_line_whatever_the_error(error: str) -> None:
    assert len(headline(error).splitlines()) <= 1
