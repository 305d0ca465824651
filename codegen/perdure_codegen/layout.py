"""How finished Python is laid out: docstrings, lines that fit, and bytes."""

import textwrap
from collections.abc import Sequence

LINE_LENGTH = 120
INDENT = "    "


def docstring(text: str, depth: int) -> str:
    """A string literal that holds a comment, to stand at this depth; the first line is not indented."""
    pad = INDENT * depth
    if "\n" not in text:
        # The last character must not be one of the quotes that end the literal.
        one = f'{_escape(text[:-1])}\\"' if text.endswith('"') else _escape(text)
        if len(pad) + len(one) + 6 <= LINE_LENGTH:
            return f'"""{one}"""'
    lines = _escape(text).split("\n")
    first, *rest = (wrapped for line in lines for wrapped in _wrap(line, LINE_LENGTH - len(pad) - 3))
    return "\n".join([f'"""{first}', *(f"{pad}{line}" if line else "" for line in rest), f'{pad}"""'])


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _wrap(line: str, width: int) -> list[str]:
    """A line, broken where it is too long; what comes behind is indented alike. Words are never broken."""
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def fit(head: str, parts: Sequence[str], tail: str, depth: int) -> str:
    """Parts in brackets: in one line where they fit, else each in its own; the first line is not indented."""
    line = f"{head}{', '.join(parts)}{tail}"
    pad = INDENT * depth
    if not parts or len(pad) + len(line) <= LINE_LENGTH:
        return line
    return "\n".join([head, *(f"{pad}{INDENT}{part}," for part in parts), f"{pad}{tail}"])


def byte_lines(data: bytes, depth: int) -> list[str]:
    """Bytes as literals that Python joins, each of which fits a line at this depth."""
    widest = LINE_LENGTH - len(INDENT) * depth
    lines: list[str] = []
    start = 0
    while start < len(data):
        # A byte takes four characters at most: take what fits in any case, then see what else does.
        end = min(len(data), start + (widest - 3) // 4)
        while end < len(data) and len(repr(data[start : end + 1])) <= widest:
            end += 1
        lines.append(repr(data[start:end]))
        start = end
    return lines or ['b""']
