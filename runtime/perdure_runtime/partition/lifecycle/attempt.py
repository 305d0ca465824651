"""What becomes of an attempt that does not end its invocation."""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Abort
from perdure_runtime.partition.input import AttemptFailed, AttemptLost, AttemptSuspended, Resume
from perdure_runtime.partition.lifecycle.begin import begin, running
from perdure_runtime.partition.lifecycle.end import end
from perdure_runtime.partition.rows import BackingOff, Cancel, Invocation, Paused, RetryDue, Suspended, Timer, due_after

# google.rpc.Code.UNKNOWN: what an exception without a code of its own becomes.
UNKNOWN = 2
GAVE_UP = "gave up after"
MAX_ERROR_CHARACTERS = 8_192


def on_failed(draft: Draft, failed: AttemptFailed) -> None:
    """Backs off, pauses or ends the invocation, as its policy says."""
    invocation = running(draft, failed.invocation_id, failed.attempt)
    if invocation is None:
        return
    failure, policy = failed.failure, failed.execution.retry
    failures = invocation.failures + 1
    invocation = replace(invocation, failures=failures, last_error=error_text(failure))
    if failure.journal_mismatch:
        draft.put(replace(invocation, status=Paused()))
    elif not policy.exhausted(failures):
        wait_ms = failure.retry_after_ms if failure.HasField("retry_after_ms") else policy.interval_ms(failures)
        due_ms = due_after(draft.now_ms, wait_ms)
        draft.put(replace(invocation, status=BackingOff(due_ms)))
        draft.set_timer(Timer(due_ms, invocation.id, RetryDue(invocation.attempt)))
    elif policy.pause:
        draft.put(replace(invocation, status=Paused()))
    else:
        given_up = f"{GAVE_UP} {failures} attempts: {failure.message}"
        end(draft, invocation, Outcome(failure=Failure(code=UNKNOWN, message=given_up)), failed.execution)


def error_text(failure: AttemptFailure) -> str:
    """What operators read; the end of a long traceback says more than its beginning."""
    return (failure.stacktrace or failure.message)[-MAX_ERROR_CHARACTERS:]


def on_suspended(draft: Draft, suspended: AttemptSuspended) -> None:
    """Parks the invocation, unless what it waits for has come meanwhile, or only an attempt can bring it about."""
    invocation = running(draft, suspended.invocation_id, suspended.attempt)
    if invocation is None:
        return
    journal = draft.journal(invocation.id)
    awaiting = suspended.awaiting
    if not all(journal.completes(command) for command in awaiting):
        refuse(
            draft,
            invocation,
            f"the endpoint suspended on commands {awaiting} that the journal lacks or that nothing completes",
        )
    elif any(journal.settled(command) or command in journal.open_steps for command in awaiting) or (
        invocation.cancel is Cancel.JOURNALED and not suspended.cancelled
    ):
        begin(draft, invocation)
    else:
        draft.put(replace(invocation, status=Suspended(awaiting)))


def on_lost(draft: Draft, lost: AttemptLost) -> None:
    """Starts over what a broken session took with it; not a failure of the handler."""
    invocation = running(draft, lost.invocation_id, lost.attempt)
    if invocation is not None:
        begin(draft, invocation)


def on_retry_due(draft: Draft, invocation: Invocation, due: RetryDue) -> None:
    """The backoff is over."""
    if isinstance(invocation.status, BackingOff) and invocation.attempt == due.attempt:
        begin(draft, invocation)


def on_resume(draft: Draft, resume: Resume) -> None:
    """Tries a paused invocation again, with its retries counted anew."""
    invocation = draft.invocation(resume.invocation_id)
    if invocation is not None and isinstance(invocation.status, Paused):
        deployment_id = "" if resume.on_newest else invocation.deployment_id
        begin(draft, replace(invocation, failures=0, deployment_id=deployment_id))


def refuse(draft: Draft, invocation: Invocation, reason: str) -> None:
    """Pauses an invocation whose endpoint broke the protocol: going on could damage its journal."""
    draft.put(replace(invocation, status=Paused(), last_error=reason))
    draft.emit(Abort(invocation.id, invocation.attempt, reason))
