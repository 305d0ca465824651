"""Cancellation: an invocation is asked to end in good order, what it has called before itself.

Its handler gets to know of it by an entry of its journal. While what it has called is still being cancelled, the
results of these calls are held back: else it would take the first of them for an error of its own, and be told in the
middle of undoing its work.
"""

from dataclasses import replace

from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Failure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import CancelInvocation
from perdure_runtime.partition.lifecycle.callees import (
    NOTHING_YET,
    Callees,
    call_message,
    callees_of,
    made_by,
    tell,
)
from perdure_runtime.partition.lifecycle.end import end_early
from perdure_runtime.partition.lifecycle.respond import disown
from perdure_runtime.partition.lifecycle.wire import caller_of, target_of
from perdure_runtime.partition.rows import Caller, Cancel, Ended, IdempotencyKey, Queued, Scheduled

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
        is_alone = invocation.mode.explicit_cancellation
        callees = Callees() if is_alone else callees_of(draft, invocation, kept=False)
        waits_for = len(callees.near) + len(callees.far)
        if not waits_for:
            tell(draft, invocation)
            continue
        draft.put(replace(invocation, cancel=Cancel.CALLEES, callees=waits_for))
        for command in callees.none:
            draft.hold(Caller(invocation.id, command), NOTHING_YET)
        for call in callees.far:
            send_cancel(draft, call, asked_for=False)
        to_do += callees.near


def cancel_call(draft: Draft, caller: Caller, call: CallCommand) -> None:
    """A handler asks for the end of what one of its calls has become, whoever has made it."""
    message = call_message(caller, call)
    here = draft.placement.of_invocation(caller.invocation_id)
    if draft.is_near(here, draft.placement.of_invocation(call.invocation_id)):
        _cancel_what_became_of(draft, message)
    else:
        send_cancel(draft, message, asked_for=True)


def on_cancel_call(draft: Draft, request: message_pb2.CancelCall) -> None:
    """A call of an invocation in another partition is to be cancelled."""
    call = request.call
    caller = caller_of(call.caller)
    if request.asked_for:
        _cancel_what_became_of(draft, call)
    elif made_by(draft, caller, call.new_id) is not None:
        cancel(draft, call.new_id)
    else:
        disown(draft, draft.placement.of_invocation(call.new_id), caller)


def send_cancel(draft: Draft, call: message_pb2.Call, *, asked_for: bool) -> None:
    """Cancels what a call has become in another partition."""
    here = draft.placement.of_invocation(call.caller.invocation_id)
    message = message_pb2.Message(cancel_call=message_pb2.CancelCall(call=call, asked_for=asked_for))
    draft.send(here, draft.placement.of_invocation(call.new_id), message)


def _cancel_what_became_of(draft: Draft, call: message_pb2.Call) -> None:
    if draft.invocation(call.new_id) is not None:
        cancel(draft, call.new_id)
        return
    # Made in another partition, it has become one that was there: by its workflow id, or by its idempotency key.
    target, caller = target_of(call.target), caller_of(call.caller)
    keys = {"", call.idempotency_key} if target.key else {call.idempotency_key} - {""}
    for key in sorted(keys):
        existing = draft.idempotent(IdempotencyKey(target, key))
        if existing is not None and caller in draft.listeners(existing):
            cancel(draft, existing)
