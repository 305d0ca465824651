"""The end of an invocation: its outcome goes to all who wait, its key to the next in line."""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Answer
from perdure_runtime.partition.input import AttemptEnded
from perdure_runtime.partition.lifecycle.begin import running
from perdure_runtime.partition.lifecycle.callees import is_held_back
from perdure_runtime.partition.lifecycle.complete import result_of
from perdure_runtime.partition.lifecycle.key import leave
from perdure_runtime.partition.lifecycle.respond import respond
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Ended, Invocation, due_after


def on_ended(draft: Draft, ended: AttemptEnded) -> None:
    """The handler has its outcome."""
    invocation = running(draft, ended.invocation_id, ended.attempt)
    if invocation is not None:
        end(draft, invocation, ended.outcome, ended.execution)


def end(draft: Draft, invocation: Invocation, outcome: Outcome, execution: Execution) -> None:
    """Ends an invocation for good."""
    if is_held_back(invocation):
        draft.take_held(invocation.id)
    outcome_until_ms = due_after(draft.now_ms, execution.outcome_retention_ms)
    journal_until_ms = due_after(draft.now_ms, execution.journal_retention_ms)
    draft.put(replace(invocation, status=Ended(outcome, draft.now_ms, outcome_until_ms, journal_until_ms)))
    draft.emit(Answer(invocation.id, outcome))
    here, result = draft.placement.of_invocation(invocation.id), result_of(outcome)
    if invocation.caller is not None:
        respond(draft, here, invocation.caller, result)
    # In one order, whatever the view has.
    for listener in sorted(draft.listeners(invocation.id), key=lambda caller: (caller.invocation_id, caller.command)):
        draft.unlisten(invocation.id, listener)
        respond(draft, here, listener, result)
    leave(draft, invocation)


def end_early(draft: Draft, invocation: Invocation, failure: Failure) -> None:
    """Ends an invocation whose handler has no say in it, and keeps that as its contract said when it was made."""
    execution = Execution(
        outcome_retention_ms=invocation.mode.outcome_retention_ms,
        journal_retention_ms=invocation.mode.journal_retention_ms,
    )
    end(draft, invocation, Outcome(failure=failure), execution)
