"""The end of an invocation: its outcome goes to all who wait, its key to the next in line."""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Answer
from perdure_runtime.partition.input import AttemptEnded
from perdure_runtime.partition.lifecycle.begin import running
from perdure_runtime.partition.lifecycle.callees import is_held_back, on_callee_ended
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.key import leave
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Caller, Ended, Invocation, due_after


def on_ended(draft: Draft, ended: AttemptEnded) -> None:
    """The handler has its outcome."""
    invocation = running(draft, ended.invocation_id, ended.attempt)
    if invocation is not None:
        end(draft, invocation, ended.outcome, ended.execution)


def end(draft: Draft, invocation: Invocation, outcome: Outcome, execution: Execution) -> None:
    """Ends an invocation for good."""
    outcome_until_ms = due_after(draft.now_ms, execution.outcome_retention_ms)
    journal_until_ms = due_after(draft.now_ms, execution.journal_retention_ms)
    draft.put(replace(invocation, status=Ended(outcome, draft.now_ms, outcome_until_ms, journal_until_ms)))
    draft.emit(Answer(invocation.id, outcome))
    result = result_of(outcome)
    if invocation.caller is not None:
        _deliver(draft, invocation.caller, result)
    # In one order, whatever the view has.
    for listener in sorted(draft.listeners(invocation.id), key=lambda caller: (caller.invocation_id, caller.command)):
        draft.unlisten(invocation.id, listener)
        if not _is_called_again(draft, invocation, listener):
            complete(draft, listener.invocation_id, listener.command, result)
    leave(draft, invocation)


def end_early(draft: Draft, invocation: Invocation, failure: Failure) -> None:
    """Ends an invocation whose handler has no say in it, and keeps that as its contract said when it was made."""
    execution = Execution(
        outcome_retention_ms=invocation.mode.outcome_retention_ms,
        journal_retention_ms=invocation.mode.journal_retention_ms,
    )
    end(draft, invocation, Outcome(failure=failure), execution)


def _deliver(draft: Draft, caller: Caller, result: bytes | Failure) -> None:
    calling = draft.invocation(caller.invocation_id)
    if calling is None or not is_held_back(calling) or caller.command in draft.journal(calling.id).kept_calls:
        complete(draft, caller.invocation_id, caller.command, result)
    else:
        on_callee_ended(draft, calling)


def _is_called_again(draft: Draft, invocation: Invocation, listener: Caller) -> bool:
    """Whether the caller of an invocation has called it a second time, by its key, and is to be told first."""
    if invocation.caller is None or invocation.caller.invocation_id != listener.invocation_id:
        return False
    calling = draft.invocation(listener.invocation_id)
    if calling is None or not is_held_back(calling):
        return False
    return draft.journal(calling.id).open_calls.get(listener.command) == invocation.id
