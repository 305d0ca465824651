"""How a command ends: an exit code, and at most one sentence on the standard error."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

import typer

from perdure_runtime.cli.printable import printable
from perdure_runtime.cli.problem import Problem

INTERRUPTED: Final = 130
# As a shell says of a process that a signal for a broken pipe has ended.
NOBODY_READS: Final = 141
# Set, it shows where an error came from that nobody foresaw.
TRACEBACK: Final = "PERDURE_TRACEBACK"


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Runs the command that the arguments name, and gives its exit code."""
    try:
        code = app(list(arguments), prog_name="perdure", standalone_mode=False)
        sys.stdout.flush()
    except Problem as problem:
        return _say(str(problem), problem.exit_code)
    except typer.TyperException as error:
        return _refuse(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Python would try to write the rest at its end, and say that it cannot.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except Exception as error:
        return _mistake(error)
    return code if isinstance(code, int) else 0


def _mistake(error: Exception) -> int:
    """Of ours: whoever reports it is told how to see where."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    return _say(
        f"this is a mistake in perdure, please report it: {type(error).__name__}: {error}; {TRACEBACK}=1 shows where", 1
    )


def _refuse(error: typer.TyperException) -> int:
    """What was typed is no command, or names none of a group: then the error is all of its help."""
    sentence = error.format_message()
    if "\n" in sentence:
        typer.echo(sentence, err=True)
        return error.exit_code
    command = getattr(getattr(error, "ctx", None), "command_path", "perdure")
    return _say(f"{sentence.rstrip('.')}; see {command} --help", error.exit_code)


def _say(sentence: str, exit_code: int) -> int:
    typer.echo(f"perdure: {printable(sentence)}", err=True)
    return exit_code
