"""Killing: an invocation and all that it has called end at once, without their handlers."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Abort
from perdure_runtime.partition.input import Kill
from perdure_runtime.partition.lifecycle.callees import running_callees
from perdure_runtime.partition.lifecycle.end import end_early
from perdure_runtime.partition.rows import Ended, Running

# google.rpc.Code.ABORTED
ABORTED = 10
KILLED = "killed by an operator"


def on_kill(draft: Draft, kill: Kill) -> None:
    """Ends it, the caller before what it has called: nobody waits any more for what ends then."""
    to_do = [kill.invocation_id]
    while to_do:
        invocation = draft.invocation(to_do.pop())
        if invocation is None or isinstance(invocation.status, Ended):
            continue
        to_do += running_callees(draft, invocation, kept=True)
        if isinstance(invocation.status, Running):
            draft.emit(Abort(invocation.id, invocation.attempt, KILLED))
        end_early(draft, invocation, Failure(code=ABORTED, message=KILLED))
