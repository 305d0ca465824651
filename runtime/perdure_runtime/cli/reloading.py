"""`perdure dev` starts again when code is saved: the same process with the same arguments, and all of it new.

Nothing is lost by that: the node recovers what was running, as after a crash.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
import watchfiles

from perdure_runtime.cli.problem import Problem

# Set in a process that was started again: what is wrong with its code then was just written, and will be mended.
RELOADED = "PERDURE_RELOADED"
# Editors save in several steps.
DEBOUNCE_MS = 200

_CODE = watchfiles.PythonFilter(extra_extensions=(".proto",))


async def saved(folder: Path) -> str:
    """Waits until code below a folder is saved; which file it was, in words."""
    async for changes in watchfiles.awatch(folder, watch_filter=_CODE, debounce=DEBOUNCE_MS):
        return _named(folder, [path for _, path in changes])
    # Only a signal ends it without a change, and that has its own handler.
    return ""


def mend(problem: Problem, folder: Path) -> None:
    """Of code that was just saved: shows what is wrong with it, waits until it is saved again, and starts again.

    Raises the problem where the process was not started by a change: then it is the user's to start it again.
    """
    if RELOADED not in os.environ:
        raise problem
    typer.echo(f"perdure: {problem}; waiting for a change", err=True)
    for changes in watchfiles.watch(folder, watch_filter=_CODE, debounce=DEBOUNCE_MS, raise_interrupt=True):
        start_again(_named(folder, [path for _, path in changes]))


def start_again(changed: str, arguments: Sequence[str] = ()) -> None:
    """Becomes a new process with the arguments of this one, and some more. Does not return."""
    typer.echo(f"perdure: {changed} was saved, starting again")
    os.environ[RELOADED] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], *arguments])


def _named(folder: Path, paths: Sequence[str]) -> str:
    first = os.path.relpath(sorted(paths)[0], folder)
    return f"{first} and {len(paths) - 1} more" if len(paths) > 1 else first
