"""JSON that a command is given: on the command line, in a file, or on the standard input."""

import json
import sys
from pathlib import Path

from perdure_runtime.cli.problem import Problem


def read_text(what: str, given: str) -> str:
    """The text itself; that of a file for ``@FILE``, of the standard input for ``-``. Raises Problem."""
    try:
        if given == "-":
            return sys.stdin.read()
        if given.startswith("@"):
            return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{what}: {given} cannot be read: {error}") from error
    return given


def read_json(what: str, given: str) -> str:
    """As ``read_text``, and sure to be JSON. Raises Problem."""
    text = read_text(what, given)
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{what}: this is no JSON: {error}") from error
    return text
