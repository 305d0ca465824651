"""Steps: a side effect starts when all before it is durable, and its result is journaled once."""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, StepFailure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Accept, Grant
from perdure_runtime.partition.input import Command, StepEnded, StepFailed
from perdure_runtime.partition.lifecycle.begin import running
from perdure_runtime.partition.lifecycle.complete import completion_of


def on_run(draft: Draft, command: Command) -> None:
    """Lets the step start."""
    draft.emit(Grant(command.invocation_id, command.attempt, command.command))


def on_step_ended(draft: Draft, ended: StepEnded) -> None:
    """Journals the result; a step that succeeds shows that the handler gets on, so its failures count anew."""
    invocation = running(draft, ended.invocation_id, ended.attempt)
    completion = ended.completion
    if invocation is None or completion.command not in draft.journal(invocation.id).open_steps:
        return
    result = completion.failure if completion.HasField("failure") else completion.value
    # The node's clock alone gives the times that handlers read.
    draft.append(invocation.id, Entry(completion=completion_of(completion.command, draft.now_ms, result)))
    draft.emit(Accept(invocation.id, invocation.attempt, completion.command, draft.now_ms))
    if invocation.failures:
        draft.put(replace(invocation, failures=0, last_error=""))


def on_step_failed(draft: Draft, failed: StepFailed) -> None:
    """Journals a failed execution, so that the step's retry policy survives a crash."""
    invocation = running(draft, failed.invocation_id, failed.attempt)
    if invocation is None:
        return
    journal = draft.journal(invocation.id)
    step = failed.failure.command
    if step in journal.open_steps and journal.step_failures(step) == failed.failure_number - 1:
        failure = StepFailure(command=step, at_ms=draft.now_ms, message=failed.failure.message)
        draft.append(invocation.id, Entry(step_failure=failure))
