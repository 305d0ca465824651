"""Cancellation: an invocation is asked to end in good order, what it has called before itself.

Its handler gets to know of it by an entry of its journal. While what it has called is still being cancelled, the
results of these calls are held back: else it would take the first of them for an error of its own, and be told in the
middle of undoing its work.
"""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import CancelInvocation
from perdure_runtime.partition.lifecycle.callees import running_callees, tell
from perdure_runtime.partition.lifecycle.end import end_early
from perdure_runtime.partition.rows import Cancel, Ended, Queued, Scheduled

# google.rpc.Code.CANCELLED
CANCELLED = 1


def on_cancel(draft: Draft, request: CancelInvocation) -> None:
    """Somebody asks for it from outside."""
    cancel(draft, request.invocation_id)


def cancel(draft: Draft, invocation_id: str) -> None:
    """Cancels an invocation, from the leaves of what it has called upwards. Asking again changes nothing."""
    to_do = [invocation_id]
    while to_do:
        invocation = draft.invocation(to_do.pop())
        if invocation is None or isinstance(invocation.status, Ended) or invocation.cancel is not Cancel.NONE:
            continue
        if isinstance(invocation.status, Scheduled | Queued):
            end_early(draft, invocation, Failure(code=CANCELLED, message="cancelled before it started"))
            continue
        callees = [] if invocation.mode.explicit_cancellation else running_callees(draft, invocation, kept=False)
        if callees:
            draft.put(replace(invocation, cancel=Cancel.CALLEES, callees=len(callees)))
            to_do += callees
        else:
            tell(draft, invocation)
