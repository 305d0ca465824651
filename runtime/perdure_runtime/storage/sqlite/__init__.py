"""The embedded default: one SQLite file a partition."""

from perdure_runtime.storage.sqlite.storage import SqliteStorage

__all__ = ["SqliteStorage"]
