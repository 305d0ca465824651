"""Whatever a comment or a descriptor holds, the code that carries it means exactly that."""

import ast
import inspect

from hypothesis import given
from hypothesis import strategies as st
from perdure_codegen.layout import LINE_LENGTH, byte_lines, docstring, fit

WORDS = st.text(alphabet="ab\"\\ \n'é{}%", max_size=300)


@given(WORDS, st.integers(0, 2))
def test_a_docstring_says_what_the_comment_says(comment: str, depth: int) -> None:
    literal = docstring(comment.strip(), depth)

    value = ast.literal_eval(literal)

    assert inspect.cleandoc(value).split() == comment.split()


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=9), max_size=80), st.integers(0, 2))
def test_the_lines_of_a_docstring_fit(words: list[str], depth: int) -> None:
    first, *rest = docstring(" ".join(words), depth).split("\n")

    assert all(len(line) <= LINE_LENGTH for line in [" " * 4 * depth + first, *rest])


@given(st.binary(max_size=2000), st.integers(0, 2))
def test_byte_literals_join_to_the_bytes_and_fit(data: bytes, depth: int) -> None:
    lines = byte_lines(data, depth)

    assert ast.literal_eval(f"({' '.join(lines)})") == data
    assert all(len(line) + 4 * depth <= LINE_LENGTH for line in lines)


def test_what_fits_a_line_is_one_line() -> None:
    assert fit("f(", ["a", "b"], ")", depth=1) == "f(a, b)"


def test_what_does_not_fit_has_a_line_for_each_part() -> None:
    long = "a" * 60

    assert fit("f(", [long, long], ")", depth=1) == f"f(\n        {long},\n        {long},\n    )"
