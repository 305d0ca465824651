"""The embedded default: SQLite files, each with the partitions of one worker.

``SqliteStorage`` is the worker's own file; ``SqliteRegistry`` and ``SqliteSurvey`` are what workers of one machine see
of each other's.
"""

from perdure_runtime.storage.sqlite.registry import SqliteRegistry
from perdure_runtime.storage.sqlite.storage import SqliteStorage
from perdure_runtime.storage.sqlite.survey import SqliteSurvey

__all__ = ["SqliteRegistry", "SqliteStorage", "SqliteSurvey"]
