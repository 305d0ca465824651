"""A page of the documentation, as the program that it describes.

What a block of code is, its page need not say:

| block | meaning |
| --- | --- |
| ``proto`` | the contract of the page |
| ``python`` | a part of its module ``app``; the parts stand in their order |
| ``python`` that opens a client | a program outside: a comment behind a ``print`` is what that prints |
| ``sh`` | commands; a block of ``json`` or ``text`` behind it is what they print |
| ``text`` behind a program outside | what the handlers have printed since the last such block |
| ``console``, ``yaml`` | what only readers run |

In what is printed, ``…`` stands for anything.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PRINT = re.compile(r"^\s*print\(.*\)  # (.*)$", re.MULTILINE)
CLIENT = re.compile(r"perdure\.(Sync)?Client\(")


@dataclass(frozen=True, slots=True)
class Code:
    """Python of a page.

    Attributes:
        line: Where it begins on the page, from 0.
    """

    page: Path
    line: int
    text: str

    def compiled(self) -> object:
        """Code whose tracebacks name the page; a program outside may await at its top."""
        source = "\n" * self.line + self.text
        # Not the path itself: whoever shows a traceback would take the page for Python.
        return compile(source, f"<{self.page.name}>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@dataclass(frozen=True, slots=True)
class Program:
    """A program outside, and the lines that it prints."""

    code: Code
    prints: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands of a shell, and what they print; None where the page does not say."""

    line: int
    text: str
    prints: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the handlers have printed."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page that can be run.

    Attributes:
        acts: What happens to its service, in this order.
    """

    path: Path
    contract: str
    app: tuple[Code, ...]
    acts: tuple[Program | Commands | Heard, ...]


def read_page(path: Path) -> Page:
    """Reads a page. Raises ValueError: a block has no place in it."""
    contract, app = "", []
    acts: list[Program | Commands | Heard] = []
    before: Program | Commands | None = None
    text = path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        language, body, line = block[1], block[2], text[: block.start(2)].count("\n")
        code = Code(path, line, body)
        match language:
            case "proto":
                contract += body
            case "python" if CLIENT.search(body):
                before = Program(code, _prints(code))
                acts.append(before)
            case "python":
                app.append(code)
            case "sh":
                before = Commands(line, body, None)
                acts.append(before)
            case "json" | "text" if isinstance(before, Commands) and before.prints is None:
                before = Commands(before.line, before.text, body)
                acts[-1] = before
            case "text" if isinstance(before, Program):
                acts.append(Heard(line, body))
            case "console" | "yaml":
                pass
            case _:
                raise ValueError(f"{path}:{line}: a block of {language} says nothing here that can be checked")
    return Page(path, contract, tuple(app), tuple(acts))


def _prints(code: Code) -> str:
    """What a program outside prints. Raises ValueError: a print has no comment that says it."""
    lines = PRINT.findall(code.text)
    if len(lines) != code.text.count("print("):
        raise ValueError(f"{code.page}:{code.line}: write a comment behind each print, on its line, of what it prints")
    return "\n".join(lines)


def pattern_of(expected: str) -> "re.Pattern[str]":
    """What matches a text in which … stands for anything."""
    return re.compile(".*?".join(map(re.escape, expected.strip().split("…"))), re.DOTALL)
