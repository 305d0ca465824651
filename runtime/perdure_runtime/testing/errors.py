"""What an awaiting call raises when a handler has failed, or when nothing would ever wake it."""

import re

from perdure.errors import JournalMismatch, PerdureError
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

# How the SDK words a mismatch: its parts come back out of the one text that travels to the runtime.
MISMATCH = re.compile(
    r"journal mismatch at entry (?P<index>\d+): the journal says (?P<recorded>.*), "
    r"the handler did (?P<replayed>.*?); (?P<help>.*)",
    re.DOTALL,
)


class HandlerFailed(PerdureError):
    """An attempt failed, and with ``retries=False``, or after many attempts, the test is told.

    Attributes:
        handler: Whose attempt it was, such as "shop.v1.OrderService/Process".
        invocation_id: The invocation.
        reason: Type and message of what the handler raised.
        traceback: Where it raised it.
    """

    def __init__(self, handler: str, invocation_id: str, reason: str, traceback: str) -> None:
        shown = f"\n\n{traceback.rstrip()}" if traceback else ""
        super().__init__(f"{handler} failed: {reason}{shown}")
        self.handler = handler
        self.invocation_id = invocation_id
        self.reason = reason
        self.traceback = traceback


class NothingMoves(PerdureError):
    """The test would wait for ever; the message says what each invocation waits for."""


def raised_by(handler: str, invocation_id: str, failure: AttemptFailure) -> PerdureError:
    """The error of a failed attempt: its JournalMismatch with both sides, or a HandlerFailed."""
    found = MISMATCH.search(failure.message) if failure.journal_mismatch else None
    if found is None:
        return HandlerFailed(handler, invocation_id, failure.message, failure.stacktrace)
    mismatch = JournalMismatch(
        index=int(found["index"]), recorded=found["recorded"], replayed=found["replayed"], help=found["help"]
    )
    mismatch.add_note(f"in {handler} ({invocation_id}):\n{failure.stacktrace.rstrip()}")
    return mismatch
