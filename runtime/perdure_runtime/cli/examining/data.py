"""A data directory: the version and soundness of its files, and the room that is left."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from perdure_runtime.cli.examining.finding import Finding, fail, ok, warn
from perdure_runtime.storage.api import StorageForeign
from perdure_runtime.storage.sqlite.schema import MIGRATIONS, version_of

# With so little left a node soon cannot commit, or goes on for a while.
TOO_LITTLE = 100 * 2**20
LITTLE = 2**30


def examine(data: Path) -> Iterator[Finding]:
    """Looks at the directory of a node, which may run."""
    if not data.is_dir():
        yield warn("data", f"there is no directory {data}", "name the one of your node with --data")
        return
    yield _room(data)
    files = sorted(data.glob("perdure*.db"))
    if not files:
        yield warn("data", f"there is no database in {data}", "name the directory of your node with --data")
    yield from map(_file, files)


def _room(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    fact = f"{free / 2**30:,.1f} GiB free at {data}"
    if free < TOO_LITTLE:
        return fail("disk", fact, "make room: a node that cannot write stops")
    if free < LITTLE:
        return warn("disk", fact, "make room, or keep journals for a shorter time: perdure services set")
    return ok("disk", fact)


def _file(file: Path) -> Finding:
    subject = f"storage {file.name}"
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            version = version_of(connection, file)
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except StorageForeign as error:
        return fail(subject, str(error), "run the perdure that it is made for")
    except sqlite3.Error as error:
        return fail(subject, f"cannot be read: {error}", "restore it from a backup: perdure restore")
    if sound != "ok":
        return fail(subject, f"is damaged: {sound}", "stop the node, keep the file, and restore it from a backup")
    newest = len(MIGRATIONS)
    if version < newest:
        return warn(subject, f"is of version {version}", f"the next start of a node brings it to {newest}; back it up")
    return ok(subject, f"is sound, and of version {version}")
