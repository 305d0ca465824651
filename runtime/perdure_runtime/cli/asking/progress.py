"""How far long work has come: a bar on the standard error, where that is a terminal."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from perdure_runtime.cli.printing import console


class Progress:
    """Shows work of a size that is known, or None where it will be; used as a context manager."""

    def __init__(self, what: str, total: int | None) -> None:
        paper = console(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        self._bar = Bar(*columns, console=paper, disable=not paper.is_terminal, transient=True)
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def come_to(self, done: int, total: int | None = None) -> None:
        """So much is done, of what may have become more."""
        self._bar.update(self._task, completed=done, total=total)
