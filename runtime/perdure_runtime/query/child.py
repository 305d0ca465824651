"""The process that answers queries: ``python -m perdure_runtime.query.child``, which a node starts and ends.

It reads an ``Assignment`` from its standard input, then questions, and answers each on its standard output. When its
input ends, so does it: it never outlives its node.
"""

import os
import pickle
import resource
import signal
import sys
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.cluster_pb2 import QueryRequest, QueryResponse

from perdure_runtime.query import framing
from perdure_runtime.query.engine import Engine, Limits
from perdure_runtime.query.framing import Kind
from perdure_runtime.query.opening import Opening
from perdure_runtime.query.settings import SqlSettings
from perdure_runtime.storage.api import StorageFailure

# What Python and its rows may use beside SQLite: a page of rows with large payloads is held at once.
ROOM_BYTES = 512 * 1024 * 1024
# As `nice` counts it.
POLITENESS = 10


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be read, and what a query may take."""

    opening: Opening
    settings: SqlSettings


def main() -> None:
    """Answers until there are no more questions."""
    # A terminal interrupts all that is in its foreground: the node says when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Calls come before questions, where there is not enough processor for both.
    os.nice(POLITENESS)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a codec prints is no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    assignment: Assignment = pickle.load(questions)
    opened = assignment.opening.open()
    engine = Engine(opened.survey, opened.registry, assignment.settings.memory_bytes)
    _bound_memory(assignment.settings.memory_bytes + ROOM_BYTES)
    while (question := framing.read(questions)) is not None:
        kind, text = answer(engine, QueryRequest.FromString(question), assignment.settings)
        framing.write(answers, kind, text)


def answer(engine: Engine, request: QueryRequest, settings: SqlSettings) -> tuple[Kind, bytes]:
    """What is said to a question."""
    time_s = min(request.timeout_ms / 1_000, settings.time.total_seconds())
    limits = Limits(min(request.limit, settings.rows), time_s, settings.result_bytes)
    try:
        found = engine.answer(request.sql, limits)
    except TimeoutError as error:
        return Kind.LATE, str(error).encode()
    except ValueError as error:
        return Kind.WRONG, str(error).encode()
    except StorageFailure as error:
        return Kind.FAILED, str(error).encode()
    response = QueryResponse(columns=found.columns, rows=found.rows, truncated=found.truncated)
    return Kind.ANSWER, response.SerializeToString()


def _bound_memory(more_bytes: int) -> None:
    """Lets this process have so much more than it has, where the system can."""
    try:
        with open("/proc/self/statm") as file:
            has_bytes = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (has_bytes + more_bytes, most))


if __name__ == "__main__":
    # What is pickled must be of the same classes in both processes.
    from perdure_runtime.query.child import main as run

    run()
