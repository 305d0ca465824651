"""What a cancelled invocation has called, which ends before its handler is told.

While it is held back, each of its open calls is waited for or has something held for it: its result, or the word that
nobody waits for it. ``Invocation.callees`` counts those that are waited for, so that a crowd is not looked through at
the end of each of them.
"""

from dataclasses import dataclass, field, replace
from typing import assert_never

from perdure_protos.perdure.peer.v1.message_pb2 import Call
from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Cancellation, Entry, Failure, Outcome

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import NotifyCancelled
from perdure_runtime.partition.lifecycle.begin import begin
from perdure_runtime.partition.lifecycle.complete import complete, outcome_of, result_of
from perdure_runtime.partition.lifecycle.wire import caller_message
from perdure_runtime.partition.rows import (
    BackingOff,
    Caller,
    Cancel,
    Ended,
    Invocation,
    Paused,
    Queued,
    Running,
    Scheduled,
    Suspended,
)

# Held for a call that nobody waits for.
NOTHING_YET = Outcome()


@dataclass(slots=True)
class Callees:
    """What the open calls of an invocation have become.

    Attributes:
        near: Invocations that they have made, that have not ended, and that can be dealt with at once.
        far: Calls that other partitions know about.
        none: Commands that have made nothing that runs.
    """

    near: list[str] = field(default_factory=list)
    far: list[Call] = field(default_factory=list)
    none: list[int] = field(default_factory=list)


def callees_of(draft: Draft, invocation: Invocation, *, kept: bool) -> Callees:
    """What its open calls have become, with those that are kept from its cancellation or without."""
    callees, here = Callees(), draft.placement.of_invocation(invocation.id)
    for command, call in draft.journal(invocation.id).open_calls.items():
        if call.kept and not kept:
            continue
        caller = Caller(invocation.id, command)
        if not draft.is_near(here, draft.placement.of_invocation(call.invocation_id)):
            callees.far.append(call_message(caller, call))
        elif (made := made_by(draft, caller, call.invocation_id)) is not None:
            callees.near.append(made.id)
        else:
            callees.none.append(command)
    return callees


def made_by(draft: Draft, caller: Caller, callee_id: str) -> Invocation | None:
    """The invocation of an id, if this call has made it, and it has not ended: others' are theirs to cancel."""
    callee = draft.invocation(callee_id)
    if callee is None or callee.caller != caller or isinstance(callee.status, Ended):
        return None
    return callee


def call_message(caller: Caller, call: CallCommand) -> Call:
    """A call, for the partition that knows what it has become."""
    return Call(
        caller=caller_message(caller),
        new_id=call.invocation_id,
        target=call.target,
        idempotency_key=call.idempotency_key,
    )


def is_held_back(invocation: Invocation) -> bool:
    """Whether it is cancelled and yet to be told, which comes before the results of what it has called."""
    return invocation.cancel is Cancel.CALLEES and not isinstance(invocation.status, Ended)


def take_result(draft: Draft, caller: Caller, result: bytes | Failure) -> None:
    """A result has come for a command: completes it, or is held until its invocation is told of its cancellation."""
    calling = draft.invocation(caller.invocation_id)
    if calling is not None and is_held_back(calling):
        call = draft.journal(calling.id).open_calls.get(caller.command)
        if call is not None and not call.kept:
            is_waited_for = not draft.is_held(caller)
            draft.hold(caller, outcome_of(result))
            if is_waited_for:
                _count_down(draft, calling)
            return
    complete(draft, caller.invocation_id, caller.command, result)


def stop_waiting(draft: Draft, caller: Caller) -> None:
    """A call has made nothing whose end its cancelled caller has to wait for."""
    calling = draft.invocation(caller.invocation_id)
    if calling is not None and is_held_back(calling) and not draft.is_held(caller):
        draft.hold(caller, NOTHING_YET)
        _count_down(draft, calling)


def tell(draft: Draft, invocation: Invocation) -> None:
    """Journals the cancellation, and lets the handler see it; what was held for it comes behind."""
    draft.append(invocation.id, Entry(cancellation=Cancellation(at_ms=draft.now_ms)))
    held = draft.take_held(invocation.id) if invocation.cancel is Cancel.CALLEES else []
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
    for command, outcome in held:
        if outcome != NOTHING_YET:
            complete(draft, invocation.id, command, result_of(outcome))


def _count_down(draft: Draft, invocation: Invocation) -> None:
    if invocation.callees > 1:
        draft.put(replace(invocation, callees=invocation.callees - 1))
    else:
        tell(draft, invocation)
