"""Killing: an invocation and all that it has called end at once, without their handlers."""

from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Abort
from perdure_runtime.partition.input import Kill
from perdure_runtime.partition.lifecycle.callees import callees_of, made_by
from perdure_runtime.partition.lifecycle.end import end_early
from perdure_runtime.partition.lifecycle.wire import caller_of
from perdure_runtime.partition.rows import Ended, Running

# google.rpc.Code.ABORTED
ABORTED = 10
KILLED = "killed by an operator"


def on_kill(draft: Draft, request: Kill) -> None:
    """An operator asks for it."""
    kill(draft, request.invocation_id)


def on_kill_call(draft: Draft, call: message_pb2.Call) -> None:
    """The caller of what a call has made was killed, in another partition."""
    if made_by(draft, caller_of(call.caller), call.new_id) is not None:
        kill(draft, call.new_id)


def kill(draft: Draft, invocation_id: str) -> None:
    """Ends an invocation, the caller before what it has called: nobody waits any more for what ends then."""
    to_do = [invocation_id]
    while to_do:
        invocation = draft.invocation(to_do.pop())
        if invocation is None or isinstance(invocation.status, Ended):
            continue
        callees = callees_of(draft, invocation, kept=True)
        to_do += callees.near
        here = draft.placement.of_invocation(invocation.id)
        for call in callees.far:
            message = message_pb2.Message(kill_call=message_pb2.KillCall(call=call))
            draft.send(here, draft.placement.of_invocation(call.new_id), message)
        if isinstance(invocation.status, Running):
            draft.emit(Abort(invocation.id, invocation.attempt, KILLED))
        end_early(draft, invocation, Failure(code=ABORTED, message=KILLED))
