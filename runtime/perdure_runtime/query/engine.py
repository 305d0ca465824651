"""SQLite as the engine of operators' questions: one SELECT over the views, within limits of time, rows and memory.

It knows nothing of processes; ``child`` runs it in one of its own, so that nothing here can hold up a node.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.query.column import SqlValue
from perdure_runtime.query.decoding import Decoder
from perdure_runtime.query.opening import Deployments
from perdure_runtime.query.relations import RELATIONS
from perdure_runtime.query.settings import MIB
from perdure_runtime.query.table import Current, Module
from perdure_runtime.storage.api import Survey
from perdure_runtime.storage.views import Condition, View, ViewRow

# So many steps of SQLite's machine, a few milliseconds, between two looks at the clock.
STEPS = 20_000
# One text or payload at most: a function that repeats a text makes gigabytes out of nothing.
LONGEST_VALUE = 64 * MIB
LONGEST_SQL = 256 * 1024
# What may be read beside the views: SQLite's functions that give rows.
TABLE_FUNCTIONS = frozenset({"json_each", "json_tree", "generate_series", "sqlite_master", "sqlite_schema"})
# Whatever else a function does, it must not load code.
FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})
ALLOWED = frozenset({apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE})
ONLY_SELECT = "only SELECT is answered here, over the views: " + ", ".join(RELATIONS)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take."""

    rows: int
    time_s: float
    result_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as JSON arrays; ``truncated`` where there are more than the limit."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    truncated: bool


class Engine:
    """Answers questions about one cluster, one at a time."""

    def __init__(
        self, survey: Survey, registry: Deployments, memory_bytes: int, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """``memory_bytes`` is what SQLite may use in this whole process."""
        self._survey = survey
        self._registry = registry
        self._memory_bytes = memory_bytes
        self._clock_s = clock_s
        self._current = Current()
        self._connection = self._connect()

    def answer(self, sql: str, limits: Limits) -> Answer:
        """The answer to one SELECT.

        Raises ValueError where it is none, or asks for too much, TimeoutError where it takes too long, and
        StorageFailure.
        """
        deadline_s = self._clock_s() + limits.time_s
        decoder = Decoder(_Watched(self._survey, self._clock_s, deadline_s, limits.time_s), self._registry)
        self._current.decoder = decoder
        self._connection.set_progress_handler(lambda: self._clock_s() > deadline_s, STEPS)
        try:
            return self._run(sql, limits)
        except apsw.InterruptError as error:
            raise TimeoutError(_too_long(limits.time_s)) from error
        except apsw.Error as error:
            raise ValueError(_sentence(error, self._memory_bytes)) from error
        except MemoryError as error:
            raise ValueError(_too_large(self._memory_bytes)) from error
        finally:
            self._current.decoder = None

    def close(self) -> None:
        """Lets go of SQLite."""
        self._connection.close()

    def _connect(self) -> apsw.Connection:
        apsw.hard_heap_limit(self._memory_bytes)
        connection = apsw.Connection(":memory:")
        module = Module(RELATIONS, self._current)
        for name in RELATIONS:
            # Its protocol asks for all methods, also those that tables nobody writes never need.
            table: Any = module
            connection.create_module(name, table, use_bestindex_object=True, eponymous=True, read_only=True)
        # What it sorts stays within the limit of memory, and leaves nothing on a disk.
        connection.execute("PRAGMA temp_store = memory")
        connection.execute("PRAGMA trusted_schema = off")
        connection.enable_load_extension(False)
        for limit, most in (
            (apsw.SQLITE_LIMIT_ATTACHED, 0),
            (apsw.SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
            (apsw.SQLITE_LIMIT_SQL_LENGTH, LONGEST_SQL),
            (apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
            (apsw.SQLITE_LIMIT_WORKER_THREADS, 0),
        ):
            connection.limit(limit, most)
        for name in RELATIONS:
            # SQLite makes a table of a module when it is first named: before it is watched.
            connection.execute(f"EXPLAIN SELECT 1 FROM {name}")
        connection.authorizer = _authorise
        return connection

    def _run(self, sql: str, limits: Limits) -> Answer:
        columns: list[tuple[str, ...]] = []

        def begun(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
            columns.append(tuple(name for name, *_ in cursor.get_description()))
            # A second statement is not begun.
            return len(columns) == 1

        cursor = self._connection.cursor()
        cursor.exec_trace = begun
        rows: list[str] = []
        size, truncated = 0, False
        try:
            for row in cursor.execute(sql, can_cache=False):
                if len(rows) == limits.rows:
                    truncated = True
                    break
                text = json.dumps([_plain(value) for value in row], ensure_ascii=False)
                size += len(text)
                if size > limits.result_bytes:
                    raise ValueError(
                        f"the answer is larger than {limits.result_bytes} bytes; ask for fewer columns or rows"
                    )
                rows.append(text)
        except apsw.ExecTraceAbort as error:
            raise ValueError("this is more than one statement; write one SELECT") from error
        finally:
            cursor.close(force=True)
        if not columns or not columns[0]:
            raise ValueError(ONLY_SELECT)
        return Answer(columns[0], tuple(rows), truncated)


class _Watched:
    """A survey that is not asked any more when the time is over: what storage takes, SQLite does not see."""

    def __init__(self, survey: Survey, clock_s: Callable[[], float], deadline_s: float, time_s: float) -> None:
        self._survey = survey
        self._clock_s = clock_s
        self._deadline_s = deadline_s
        self._time_s = time_s

    def scan(
        self, view: View, conditions: Sequence[Condition], after: ViewRow | None, limit: int, *, descending: bool
    ) -> list[ViewRow]:
        self._check()
        return self._survey.scan(view, conditions, after, limit, descending=descending)

    def entries(self, invocation_id: str) -> list[Entry]:
        self._check()
        return self._survey.entries(invocation_id)

    def _check(self) -> None:
        if self._clock_s() > self._deadline_s:
            raise TimeoutError(_too_long(self._time_s))


def _authorise(operation: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if operation == apsw.SQLITE_FUNCTION and second in FORBIDDEN_FUNCTIONS:
        return apsw.SQLITE_DENY
    # What a query itself defines is in no database.
    known = database is None or first in RELATIONS or first in TABLE_FUNCTIONS
    if operation == apsw.SQLITE_READ and not known:
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK if operation in ALLOWED else apsw.SQLITE_DENY


def _plain(value: SqlValue) -> str | int | float | None:
    """A value as JSON has it: bytes as hexadecimal digits, what is no number as text."""
    match value:
        case bytes():
            return value.hex()
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value


def _sentence(error: apsw.Error, memory_bytes: int) -> str:
    text = str(error).removeprefix("SQLError: ")
    match error:
        case apsw.NoMemError():
            return _too_large(memory_bytes)
        case apsw.AuthError():
            return f"{text}: {ONLY_SELECT}"
        case apsw.TooBigError():
            return f"a value is longer than {LONGEST_VALUE} bytes; ask for less of it"
        case _ if text.startswith("no such table"):
            return f"{text}; there are {', '.join(RELATIONS)}"
        case _:
            return text


def _too_long(time_s: float) -> str:
    return f"the query took longer than {time_s * 1_000:.0f} ms; ask for less, or allow more time"


def _too_large(memory_bytes: int) -> str:
    return f"the query needs more memory than {memory_bytes} bytes; ask for fewer rows, or sort and group less"
