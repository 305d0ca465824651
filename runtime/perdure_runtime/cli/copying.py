"""Data directories copied, with a bar that shows how far it has come."""

from collections.abc import Callable
from pathlib import Path

from perdure_runtime.cli.asking.progress import Progress
from perdure_runtime.cli.printing import counted, say
from perdure_runtime.cli.problem import Problem
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.sqlite.backup import backup, restore

Copy = Callable[[Path, Path, Callable[[int, int], None]], list[Path]]


def back_up(data: Path, target: Path) -> None:
    """Copies the data of a node, which may run. Raises Problem."""
    files = _copied("back up", backup, data, target)
    say(f"{counted(len(files), 'file')} of {data} {'is' if len(files) == 1 else 'are'} in {target}")


def restore_data(source: Path, data: Path) -> None:
    """Makes a data directory from a backup. Raises Problem."""
    files = _copied("restore", restore, source, data)
    # Each worker has a file.
    workers = f" --workers {len(files)}" if len(files) > 1 else ""
    say(f"{data} is as {source}; start a node on it with: perdure up --data {data}{workers}")


def _copied(what: str, copy: Copy, source: Path, target: Path) -> list[Path]:
    try:
        with Progress(what, None) as progress:
            return copy(source, target, progress.come_to)
    except StorageFailure as error:
        raise Problem(str(error)) from error
    except OSError as error:
        raise Problem(f"cannot {what} {source}: {error}") from error
