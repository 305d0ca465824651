"""The partition: what happens to it comes in, what to write and do comes out.

Pure and deterministic: the clock is an argument, chance is in the ids that callers bring, and nothing is changed here.
"""

from dataclasses import dataclass
from typing import assert_never

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Effect
from perdure_runtime.partition.entries.awakeable import on_awakeable_completed
from perdure_runtime.partition.entries.command import on_command
from perdure_runtime.partition.entries.promise import on_settle_promise
from perdure_runtime.partition.entries.signal import on_signal
from perdure_runtime.partition.entries.sleep import on_wake_due
from perdure_runtime.partition.entries.state import on_edit_state
from perdure_runtime.partition.entries.step import on_step_ended, on_step_failed
from perdure_runtime.partition.input import (
    Acknowledged,
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    CancelInvocation,
    Command,
    CompleteAwakeable,
    EditState,
    Input,
    Kill,
    Pause,
    Purge,
    Receive,
    Restart,
    Resume,
    SettlePromise,
    SignalInvocation,
    StepEnded,
    StepFailed,
    Submit,
    TimerDue,
)
from perdure_runtime.partition.lifecycle.arrive import on_start_due, on_submit
from perdure_runtime.partition.lifecycle.attempt import on_failed, on_lost, on_resume, on_retry_due, on_suspended
from perdure_runtime.partition.lifecycle.cancel import on_cancel
from perdure_runtime.partition.lifecycle.end import on_ended
from perdure_runtime.partition.lifecycle.kill import on_kill
from perdure_runtime.partition.lifecycle.pause import on_pause
from perdure_runtime.partition.lifecycle.purge import on_purge
from perdure_runtime.partition.lifecycle.restart import on_restart
from perdure_runtime.partition.receive import on_acknowledged, on_receive
from perdure_runtime.partition.rows import RetryDue, StartDue, WakeDue
from perdure_runtime.partition.view import View
from perdure_runtime.partition.writes import Writes


@dataclass(frozen=True, slots=True)
class Step:
    """What one input changes, and what follows from it."""

    writes: Writes
    effects: list[Effect]


def apply(view: View, input: Input, now_ms: int) -> Step:
    """Decides one input.

    Raises EditRefused, and what ``view`` raises for a document that it lacks, and has changed nothing then.
    """
    draft = Draft(view, now_ms)
    match input:
        case Submit():
            on_submit(draft, input)
        case Command():
            on_command(draft, input)
        case StepEnded():
            on_step_ended(draft, input)
        case StepFailed():
            on_step_failed(draft, input)
        case AttemptEnded():
            on_ended(draft, input)
        case AttemptFailed():
            on_failed(draft, input)
        case AttemptSuspended():
            on_suspended(draft, input)
        case AttemptLost():
            on_lost(draft, input)
        case TimerDue():
            on_timer_due(draft, input)
        case Resume():
            on_resume(draft, input)
        case Pause():
            on_pause(draft, input)
        case CancelInvocation():
            on_cancel(draft, input)
        case Kill():
            on_kill(draft, input)
        case Restart():
            on_restart(draft, input)
        case SignalInvocation():
            on_signal(draft, input)
        case CompleteAwakeable():
            on_awakeable_completed(draft, input)
        case EditState():
            on_edit_state(draft, input)
        case SettlePromise():
            on_settle_promise(draft, input)
        case Purge():
            on_purge(draft, input)
        case Receive():
            on_receive(draft, input)
        case Acknowledged():
            on_acknowledged(draft, input)
        case _:
            assert_never(input)
    return Step(draft.writes, draft.effects)


def on_timer_due(draft: Draft, due: TimerDue) -> None:
    """A timer fires once: it goes with what it does."""
    draft.clear_timer(due.timer)
    invocation = draft.invocation(due.timer.invocation_id)
    if invocation is None:
        return
    purpose = due.timer.purpose
    match purpose:
        case StartDue():
            on_start_due(draft, invocation)
        case WakeDue():
            on_wake_due(draft, invocation, purpose)
        case RetryDue():
            on_retry_due(draft, invocation, purpose)
        case _:
            assert_never(purpose)
