"""Tests of handlers on the real runtime, in memory, with a clock that the test moves.

Everything here comes from the runtime, which the rest of ``perdure`` never imports.
"""

from perdure_runtime.testing.client import TestClient
from perdure_runtime.testing.durable import durable
from perdure_runtime.testing.errors import HandlerFailed, NothingMoves
from perdure_runtime.testing.everywhere import crash_everywhere
from perdure_runtime.testing.journal import InvocationJournal, JournalEntry
from perdure_runtime.testing.runtime import TestRuntime

__all__ = [
    "HandlerFailed",
    "InvocationJournal",
    "JournalEntry",
    "NothingMoves",
    "TestClient",
    "TestRuntime",
    "crash_everywhere",
    "durable",
]
