"""The table of docs/features.md: which test proves which promise. ``python -m tests.conformance.table`` writes it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.features import NOT_YET, SECTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "features.md"
HEAD = """\
# Features

What perdure promises, and the tests that hold it to that. Most are of the conformance suite. It starts a runtime of its
own (`pytest tests/conformance --shape up`, `dev`, `postgres`, `workers` or `nodes`), or runs against any other
(`--target HOST:PORT --admin HOST:PORT`).

This page is written by `python -m tests.conformance.table` from the marks of the tests.
"""


def proofs() -> dict[str, list[str]]:
    """The tests of each promise, as path::name."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for test in functions_of(file):
            for name in marks(test):
                found.setdefault(name, []).append(f"{file.relative_to(ROOT).as_posix()}::{test.name}")
    for section in SECTIONS.values():
        for feature in section:
            if feature.elsewhere:
                found.setdefault(feature.name, []).extend(feature.elsewhere)
    return found


def functions_of(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions of a file."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def marks(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The promises that a test says it proves."""
    for decorator in test.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="feature"), args=[ast.Constant(value=str(name))]):
                yield name


def page() -> str:
    """The whole page."""
    found = proofs()
    parts = [HEAD]
    for section, features in SECTIONS.items():
        rows = [f"| {feature.name} | {_cell(found.get(feature.name, []))} |" for feature in features]
        parts.append("\n".join([f"## {section}", "", "| promise | tests |", "| --- | --- |", *rows, ""]))
    parts.append("\n".join(["## Not yet", "", *(f"- {promise}" for promise in NOT_YET), ""]))
    return "\n".join(parts)


def _cell(tests: list[str]) -> str:
    return "<br>".join(f"[{_words(test)}](../{test.partition('::')[0]})" for test in tests)


def _words(test: str) -> str:
    return test.partition("::")[2].removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
