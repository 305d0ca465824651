"""Queries in processes of their own: a query can take all the time and memory that it is given, and never the node's.

A process is kept warm and answers one query at a time. One that does not answer in time, or whose caller went away, is
killed, and another takes its place.
"""

import asyncio
import logging
import pickle
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress

from perdure_protos.perdure.admin.v1.cluster_pb2 import QueryRequest, QueryResponse

from perdure_runtime.query.child import Assignment
from perdure_runtime.query.framing import LENGTH, Kind, framed
from perdure_runtime.query.opening import Opening
from perdure_runtime.query.settings import SqlSettings
from perdure_runtime.storage.api import StorageFailure

COMMAND = (sys.executable, "-m", "perdure_runtime.query.child")
# A process ends a query itself at its time limit; one that has not so long after is killed.
GRACE_S = 1.0
# So long a process may take to start, on a machine that is busy.
START_S = 60.0

log = logging.getLogger(__name__)

# What became of a query, and how long it took.
Observe = Callable[[str, float], None]


def _unobserved(outcome: str, seconds: float) -> None:
    """Nobody counts."""


class QueryProcesses:
    """Answers SQL: implements ``admin.port.Query``."""

    def __init__(self, opening: Opening, settings: SqlSettings, observe: Observe = _unobserved) -> None:
        """``observe`` is told "ok", "error", "timeout" or "rows" of each query, the last where it hit the limit."""
        self._assignment = pickle.dumps(Assignment(opening, settings))
        self._settings = settings
        self._observe = observe
        self._idle: asyncio.Queue[_Child] = asyncio.Queue()
        self._children = [_Child(self._assignment) for _ in range(settings.processes)]
        for child in self._children:
            self._idle.put_nowait(child)

    def start(self) -> None:
        """Starts the processes, so that the first query finds them warm."""
        for child in self._children:
            child.warm()

    async def close(self) -> None:
        """Ends the processes. Who waits for an answer gets none."""
        await asyncio.gather(*(child.close() for child in self._children))

    async def query(self, request: QueryRequest) -> QueryResponse:
        """Answers one SELECT.

        Raises ValueError with what is wrong with it, TimeoutError, and StorageFailure.
        """
        began_s = time.monotonic()
        outcome = "error"
        try:
            response = await self._ask(request)
            outcome = "rows" if response.truncated else "ok"
        except TimeoutError:
            outcome = "timeout"
            raise
        finally:
            self._observe(outcome, time.monotonic() - began_s)
        return response

    async def _ask(self, request: QueryRequest) -> QueryResponse:
        timeout_s = min(request.timeout_ms / 1_000, self._settings.time.total_seconds())
        try:
            # Not wait_for: it would lose a caller's going away in the moment that a child is found.
            async with asyncio.timeout(timeout_s):
                child = await self._idle.get()
        except TimeoutError:
            raise TimeoutError("other queries were busy all that time; try again, or set sql.processes") from None
        try:
            return await child.ask(request, timeout_s)
        finally:
            self._idle.put_nowait(child)


class _Child:
    """One place for a process, and the process that is there at the moment."""

    def __init__(self, assignment: bytes) -> None:
        self._assignment = assignment
        self._process: Process | None = None
        self._warming: asyncio.Task[Process] | None = None
        self._closed = False

    def warm(self) -> None:
        """Starts a process, where there is none, without waiting for it."""
        if self._warming is None and not self._closed:
            self._warming = asyncio.create_task(self._start())

    async def ask(self, request: QueryRequest, timeout_s: float) -> QueryResponse:
        """The answer to one question. Where none comes, the process ends and another one starts."""
        self.warm()
        if self._warming is None:
            raise StorageFailure("this node is ending; ask another one")
        async with asyncio.timeout(START_S):
            process = await asyncio.shield(self._warming)
        assert process.stdin is not None
        try:
            process.stdin.write(framed(request.SerializeToString()))
            async with asyncio.timeout(timeout_s + GRACE_S):
                kind, text = await _answer(process)
        except TimeoutError:
            await self._replace()
            raise TimeoutError(
                f"the query took longer than {timeout_s * 1_000:.0f} ms; ask for less, or allow more time"
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self._replace()
            raise ValueError(
                "the process that answers queries has ended, as where a query needs too much memory; ask for less"
            ) from error
        except asyncio.CancelledError:
            # Nobody waits for what it is working on.
            await self._replace()
            raise
        match kind:
            case Kind.ANSWER:
                return QueryResponse.FromString(text)
            case Kind.WRONG:
                raise ValueError(text.decode())
            case Kind.LATE:
                raise TimeoutError(text.decode())
            case _:
                raise StorageFailure(text.decode())

    async def close(self) -> None:
        """Ends the process for good. Who waits for its answer gets none."""
        self._closed = True
        await self._end()

    async def _end(self) -> None:
        warming, self._warming = self._warming, None
        if warming is None:
            return
        with suppress(asyncio.CancelledError, OSError):
            process = await warming
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()

    async def _replace(self) -> None:
        await self._end()
        self.warm()

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            # A terminal interrupts all that is in its foreground: it is for the node to end this.
            start_new_session=True,
        )
        assert process.stdin is not None
        # Whoever may list processes reads command lines: passwords go another way.
        process.stdin.write(self._assignment)
        return process


async def _answer(process: Process) -> tuple[int, bytes]:
    assert process.stdout is not None
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    text = await process.stdout.readexactly(length)
    return text[0], text[1:]
