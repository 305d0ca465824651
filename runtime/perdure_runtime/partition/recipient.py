"""Whom an input is for: the partition that decides it."""

from typing import assert_never

from perdure_runtime.partition import ids
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
from perdure_runtime.partition.placement import Placement


def recipient(input: Input, placement: Placement) -> int:
    """The partition that an input belongs to; only its owner may apply it."""
    match input:
        case Command() | StepEnded() | StepFailed() | AttemptEnded() | AttemptFailed() | AttemptSuspended():
            return placement.of_invocation(input.invocation_id)
        case (
            AttemptLost() | Resume() | Pause() | CancelInvocation() | Kill() | Restart() | SignalInvocation() | Purge()
        ):
            return placement.of_invocation(input.invocation_id)
        case Submit():
            return placement.of_invocation(input.id)
        case TimerDue():
            return placement.of_invocation(input.timer.invocation_id)
        case CompleteAwakeable():
            return placement.of_invocation(ids.of_awakeable(input.awakeable_id) or "")
        case EditState() | SettlePromise():
            return placement.of_key(input.service, input.key)
        case Receive():
            return input.destination
        case Acknowledged():
            return input.source
        case _:
            assert_never(input)
