"""Copies of a data directory, made while its node or workers run, and data directories made of copies.

Files of several workers depend on each other: messages between them have numbers, by which a repeated one is known, and
a message that has arrived leaves the file of its sender. Of two files from different moments one could lack a message
that the other one has forgotten, or give its number to another one. So all files are copied as of one moment: while
every file is locked for writing, which takes some milliseconds, a snapshot of each is opened, and it stays what it is
for as long as copying takes. Until then logs cannot be emptied, and grow with what is written.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeAlias

from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.sqlite.connection import connect, connect_to_read
from perdure_runtime.storage.sqlite.failure import failure
from perdure_runtime.storage.sqlite.schema import Part, part_of, version_of

# Pages that have been copied, and how many there are in all.
Progress: TypeAlias = Callable[[int, int], None]

# So many pages are copied between two calls of a progress.
PAGES = 1_024
_UNFINISHED = ".unfinished"


def backup(source: Path, target: Path, progress: Progress) -> list[Path]:
    """Copies all data files of a directory, as of one moment, into a new one, and checks the copies.

    Returns the copies. Raises StorageFailure, and OSError where directories cannot be used; then there are none.
    """
    return _copy(source, target, progress, _of_one_moment)


def restore(source: Path, target: Path, progress: Progress) -> list[Path]:
    """Makes a data directory of a backup, in the same way; nobody may use the backup meanwhile."""
    return _copy(source, target, progress, _as_they_are)


def _copy(
    source: Path,
    target: Path,
    progress: Progress,
    opening: Callable[[Sequence[Path], ExitStack], list[sqlite3.Connection]],
) -> list[Path]:
    files = sorted(path for path in source.glob("*.db") if path.is_file())
    if not files:
        raise StorageFailure(f"{source} has no data of perdure in it: name the directory of a node's data, or a backup")
    if target.exists() and any(target.iterdir()):
        raise StorageFailure(f"{target} is not empty: name a new directory, so that nothing in it is lost")
    target.mkdir(parents=True, exist_ok=True)
    unfinished = [target / (file.name + _UNFINISHED) for file in files]
    try:
        with ExitStack() as opened:
            snapshots = opening(files, opened)
            _refuse_incomplete(source, files, snapshots)
            counter = _Counter(progress, snapshots)
            for file, snapshot, copy in zip(files, snapshots, unfinished, strict=True):
                with _telling(f"copying to {copy}", file):
                    _write(snapshot, copy, counter)
    except BaseException:
        for copy in unfinished:
            copy.unlink(missing_ok=True)
        raise
    return _finish(target, unfinished)


def _of_one_moment(files: Sequence[Path], opened: ExitStack) -> list[sqlite3.Connection]:
    """A snapshot of each file, opened while nobody can write to any."""
    with ExitStack() as locks:
        for file in files:
            with _telling("locking for a moment", file):
                connection = locks.enter_context(closing(connect(file)))
                # Its end, and the lock's, is that of the connection.
                connection.execute("BEGIN IMMEDIATE")
        return _as_they_are(files, opened)


def _as_they_are(files: Sequence[Path], opened: ExitStack) -> list[sqlite3.Connection]:
    """A snapshot of each file."""
    snapshots = list[sqlite3.Connection]()
    for file in files:
        with _telling("reading", file):
            snapshot = opened.enter_context(closing(connect_to_read(file)))
            snapshot.execute("BEGIN")
            # The first read opens it.
            if version_of(snapshot, file) == 0:
                raise StorageFailure(f"{file} is empty yet: start its node once, or remove it")
            snapshots.append(snapshot)
    return snapshots


def _refuse_incomplete(source: Path, files: Sequence[Path], snapshots: Sequence[sqlite3.Connection]) -> None:
    """Raises StorageFailure where files are missing, or belong to different clusters."""
    parts = list[Part]()
    for file, snapshot in zip(files, snapshots, strict=True):
        with _telling("reading", file):
            parts.append(part_of(snapshot, version_of(snapshot, file)))
    first = parts[0]
    expected = [Part(first.partitions, first.files, number) for number in range(first.files)]
    if sorted(parts, key=lambda part: part.file) != expected:
        found = "; ".join(f"{file.name} is {part}" for file, part in zip(files, parts, strict=True))
        raise StorageFailure(f"{source} does not have each file of one cluster once: {found}")


def _write(snapshot: sqlite3.Connection, copy: Path, counter: "_Counter") -> None:
    with closing(connect(copy)) as written:
        snapshot.backup(written, pages=PAGES, progress=counter.come_to)
        counter.finish_file()
        # One file without a log beside it, which can also be read where nothing can be written.
        written.execute("PRAGMA journal_mode = DELETE").fetchall()
        found = [str(row[0]) for row in written.execute("PRAGMA integrity_check").fetchall()]
        if found != ["ok"]:
            raise StorageFailure(f"what was copied to {copy} is damaged: {found[0]}; restore an older backup")


def _finish(target: Path, unfinished: Sequence[Path]) -> list[Path]:
    """Gives copies their names once all of them are durable."""
    finished = [copy.with_name(copy.name.removesuffix(_UNFINISHED)) for copy in unfinished]
    for copy, file in zip(unfinished, finished, strict=True):
        copy.rename(file)
    directory = os.open(target, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return finished


class _Counter:
    """Counts the pages of all files together."""

    def __init__(self, progress: Progress, snapshots: Sequence[sqlite3.Connection]) -> None:
        self._progress = progress
        self._total = sum(int(each.execute("PRAGMA page_count").fetchone()[0]) for each in snapshots)
        self._finished = 0
        self._of_file = 0

    def come_to(self, status: int, remaining: int, total: int) -> None:
        """As ``sqlite3.Connection.backup`` tells it, of one file."""
        self._of_file = total
        self._progress(self._finished + total - remaining, self._total)

    def finish_file(self) -> None:
        """The next pages are those of the next file."""
        self._finished += self._of_file


@contextmanager
def _telling(doing: str, file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise failure(doing, file, error) from error
