"""What type checkers make of code that uses generated code: right code has no errors, and each mistake has its own."""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RIGHT = HERE / "right.py"
# No .py file: the checks of the whole tree would find the mistakes too.
WRONG = (HERE / "wrong.py.txt").read_text()
EXPECTED = {
    number: line.partition("  # E: ")[2] for number, line in enumerate(WRONG.splitlines(), 1) if "  # E: " in line
}
Errors = Mapping[tuple[str, int], list[str]]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """All errors of one strict run over right and wrong code, by file and line."""
    wrong = tmp_path_factory.mktemp("typing") / "wrong.py"
    wrong.write_text(WRONG)
    flags = ["--no-error-summary", "--no-pretty", "--hide-error-context", "--no-color-output"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *flags, str(RIGHT), str(wrong)], cwd=ROOT, capture_output=True, text=True
    )
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for line in ran.stdout.splitlines():
        error = re.fullmatch(r"(.*?):(\d+): error: (.*)", line)
        if error is not None:
            found[Path(error[1]).name, int(error[2])].append(error[3])
    assert ran.stderr == ""
    return found


def test_right_code_and_the_generated_code_have_no_errors(errors: Errors) -> None:
    assert {place: messages for place, messages in errors.items() if place[0] != "wrong.py"} == {}


@pytest.mark.parametrize("line", EXPECTED, ids=lambda line: WRONG.splitlines()[line - 1].split("  # E: ")[0].strip())
def test_a_mistake_is_found(errors: Errors, line: int) -> None:
    assert any(EXPECTED[line] in message for message in errors.get(("wrong.py", line), []))


def test_nothing_but_the_mistakes_is_found(errors: Errors) -> None:
    assert {line for file, line in errors if file == "wrong.py"} - EXPECTED.keys() == set()
