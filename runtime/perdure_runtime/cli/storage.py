"""Where a node keeps its partition: a file of its own, or a PostgreSQL database."""

from pathlib import Path

from perdure_runtime.cli.problem import Problem
from perdure_runtime.storage.api import Storage, StorageFailure
from perdure_runtime.storage.sqlite import SqliteStorage

POSTGRES = ("postgresql://", "postgres://")


def open_storage(url: str, data: Path) -> tuple[Storage, str]:
    """The storage at a URL, or the file in a directory where there is none; and its name for people. Raises Problem."""
    try:
        return _open_postgres(url) if url else _open_sqlite(data)
    except (OSError, StorageFailure) as error:
        raise Problem(str(error)) from error


def _open_sqlite(data: Path) -> tuple[Storage, str]:
    data.mkdir(parents=True, exist_ok=True)
    return SqliteStorage(data / "perdure.db"), str(data)


def _open_postgres(url: str) -> tuple[Storage, str]:
    # Whatever it is, it may have a password in it: it is not repeated.
    if not url.startswith(POSTGRES):
        raise Problem(
            "--storage: this is no URL of a PostgreSQL database; write postgresql://USER@HOST:PORT/DATABASE, or leave "
            "the option out to keep an SQLite file in --data"
        )
    try:
        from perdure_runtime.storage.postgres import PostgresStorage
    except ImportError as error:
        raise Problem(
            f"--storage: PostgreSQL needs a driver ({error}); install it with: pip install 'perdure[postgres]'"
        ) from error
    storage = PostgresStorage(url)
    return storage, storage.name
