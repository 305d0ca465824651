"""What a cancelled invocation has called, which ends before its handler is told."""

from dataclasses import replace
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation, Entry

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import NotifyCancelled
from perdure_runtime.partition.lifecycle.begin import begin
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.rows import (
    BackingOff,
    Cancel,
    Ended,
    Invocation,
    Paused,
    Queued,
    Running,
    Scheduled,
    Suspended,
)


def on_callee_ended(draft: Draft, invocation: Invocation) -> None:
    """Tells an invocation of its cancellation once all that it had called has ended, and then their results."""
    if invocation.callees > 1:
        # They are counted down, not looked through: a crowd would cost its square.
        draft.put(replace(invocation, callees=invocation.callees - 1))
        return
    calls = dict(draft.journal(invocation.id).open_calls)
    tell(draft, invocation)
    for command, callee_id in calls.items():
        callee = draft.invocation(callee_id)
        if callee is not None and isinstance(callee.status, Ended):
            complete(draft, invocation.id, command, result_of(callee.status.outcome))


def is_held_back(invocation: Invocation) -> bool:
    """Whether it is cancelled and yet to be told, which comes before the results of what it has called."""
    return invocation.cancel is Cancel.CALLEES and not isinstance(invocation.status, Ended)


def running_callees(draft: Draft, invocation: Invocation, *, kept: bool) -> list[str]:
    """The invocations that calls of this one have made and that have not ended, with those that are kept or without."""
    running = []
    journal = draft.journal(invocation.id)
    for command, callee_id in journal.open_calls.items():
        if command in journal.kept_calls and not kept:
            continue
        callee = draft.invocation(callee_id)
        if callee is None or isinstance(callee.status, Ended) or callee.caller is None:
            continue
        # Others may have made it: then it is theirs to cancel.
        if (callee.caller.invocation_id, callee.caller.command) == (invocation.id, command):
            running.append(callee_id)
    return running


def tell(draft: Draft, invocation: Invocation) -> None:
    """Journals the cancellation, and lets the handler see it."""
    draft.append(invocation.id, Entry(cancellation=Cancellation(at_ms=draft.now_ms)))
    told = replace(invocation, cancel=Cancel.JOURNALED, callees=0)
    match told.status:
        case Running():
            draft.put(told)
            draft.emit(NotifyCancelled(told.id, told.attempt, draft.now_ms))
        case Suspended() | BackingOff() | Paused():
            begin(draft, replace(told, failures=0))
        case Scheduled() | Queued() | Ended():
            raise AssertionError(f"{told.id} is {told.status}: it has no handler to tell")
        case _:
            assert_never(told.status)
