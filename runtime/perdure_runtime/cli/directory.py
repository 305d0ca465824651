"""The data directory of a runtime without a database: which files are in it, and for how many workers it was made."""

import os
from pathlib import Path

from perdure_runtime.cli.problem import Problem

# Says for how many workers the files are: what lies in which depends on it. Where there is one, it is left out.
WORKERS = "workers"


def file_of(data: Path) -> Path:
    """The file of a node alone."""
    return data / "perdure.db"


def files_of(data: Path, workers: int) -> list[Path]:
    """The files of several workers, by their number."""
    return [data / f"perdure-{number}.db" for number in range(workers)]


def claim(data: Path, workers: int) -> None:
    """Makes the directory for so many workers, where it is not there. Raises Problem where it was made for others."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        made_for = _made_for(data)
        if made_for is None and workers > 1:
            _write(data / WORKERS, workers)
    except OSError as error:
        raise Problem(f"--data: {data} cannot be used: {error.strerror or error}") from error
    if made_for is not None and made_for != workers:
        instead = f"start it with --workers {made_for}" if made_for > 1 else "leave --workers out"
        raise Problem(f"--data: {data} was made for {_counted(made_for)}; {instead}, or name another directory")


def _made_for(data: Path) -> int | None:
    if file_of(data).exists():
        return 1
    # A start that failed before any file was made, such as for a port that is taken, binds nobody.
    if not any(data.glob("perdure-*.db")):
        return None
    try:
        return int((data / WORKERS).read_text())
    except FileNotFoundError:
        # Then each file says for itself how many there are.
        return None


def _write(path: Path, workers: int) -> None:
    """Durable before any file is made that depends on it."""
    with path.open("w") as file:
        file.write(f"{workers}\n")
        file.flush()
        os.fsync(file.fileno())


def _counted(workers: int) -> str:
    return "one worker" if workers == 1 else f"{workers} workers"
