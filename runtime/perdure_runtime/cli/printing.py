"""What commands print: tables and facts for people, JSON for programs.

Texts come from handlers and callers, who may have put anything into them: control characters, which could play with a
terminal, are shown as what they are. Colours are for terminals alone, and not where NO_COLOR is set.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from perdure_runtime.cli.printable import printable

# Where no terminal has a width, lines are as long as they are: programs split them.
ENDLESS = 100_000
# A word of so few characters is not broken.
SHORT = 12
STYLES = {
    **dict.fromkeys(("succeeded", "active", "alive", "ok", "reading", "resolved"), "green"),
    **dict.fromkeys(("failed", "fail", "lost", "stuck", "rejected", "cancelled"), "red"),
    **dict.fromkeys(("paused", "backing_off", "draining", "warn", "waiting"), "yellow"),
    **dict.fromkeys(("running", "queued"), "cyan"),
}


def console(*, stderr: bool = False) -> Console:
    """Where to print; as wide as the terminal, or without an end."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else ENDLESS,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def say(line: str) -> None:
    """Prints a line for people."""
    typer.echo(printable(line))


def note(line: str) -> None:
    """Prints a line beside the answer, on the standard error."""
    typer.echo(printable(line), err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows below their columns; in a narrow terminal what is too long goes on in the next line.

    The first column is not broken, since it holds what is typed again, such as an id; nor are short words.
    """
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    cells = [[_cell(value) for value in row] for row in rows]
    for place, column in enumerate(columns):
        longest = max((row[place].cell_len for row in cells), default=0)
        shown.add_column(Text(column), overflow="fold", no_wrap=place == 0 or longest <= SHORT)
    for row in cells:
        shown.add_row(*row)
    _print(shown)


def facts(title: str, pairs: Mapping[str, str]) -> None:
    """Prints what is known of one thing: a title, and below it each fact that is not empty."""
    say(title)
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    shown.add_column(no_wrap=True, style="bold")
    shown.add_column(overflow="fold")
    for name, value in pairs.items():
        if value:
            shown.add_row(Text(name), _cell(value))
    _print(Padding(shown, (0, 0, 0, 2), expand=False))


def tree(shown: Tree) -> None:
    """Prints a tree."""
    _print(shown)


def branch(*parts: str) -> Text:
    """A line of a tree."""
    return Text("  ").join(_cell(part) for part in parts if part)


def print_json(message: Message) -> None:
    """Prints a message as protobuf's JSON, with the names of its fields, all of them."""
    print_value(as_json(message))


def as_json(message: Message) -> dict[str, object]:
    """A message as protobuf's JSON, with the names of its fields, all of them."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def print_value(value: object) -> None:
    """Prints a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def moment(at_ms: int) -> str:
    """A time in UTC; empty for none."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_ms else ""


def counted(count: int, noun: str) -> str:
    """A number of things, such as "1 invocation" or "2,000 invocations"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _cell(value: str) -> Text:
    return Text(printable(value), style=STYLES.get(value, ""))


def _print(shown: Table | Padding | Tree) -> None:
    paper = console()
    with paper.capture() as captured:
        paper.print(shown)
    # Nobody wants the blanks that fill up the last column.
    lines = [line.rstrip() for line in captured.get().splitlines()]
    typer.echo("\n".join(lines))
