"""What can happen to a partition."""

from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome, StepFailure
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Target, Timer


@dataclass(frozen=True, slots=True)
class Submit:
    """A caller from outside asks for an invocation. ``id`` is newly minted; ``delay_ms`` of 0 starts at once."""

    id: str
    target: Target
    exclusive: bool
    input: bytes
    headers: tuple[tuple[str, str], ...] = ()
    idempotency_key: str = ""
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """An attempt issued its command number ``command``.

    ``exclusive`` says, for calls and sends, whether the handler that they name is the one writer of its key.
    """

    invocation_id: str
    attempt: int
    command: int
    entry: Entry
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class StepEnded:
    """An attempt ran a step to its end."""

    invocation_id: str
    attempt: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed and is tried again within the attempt. ``failure_number`` counts the step's failures from 1."""

    invocation_id: str
    attempt: int
    failure: StepFailure
    failure_number: int


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """The handler returned, or raised a terminal error."""

    invocation_id: str
    attempt: int
    outcome: Outcome
    execution: Execution


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The attempt ended in a retryable error, or did not repeat its journal."""

    invocation_id: str
    attempt: int
    failure: AttemptFailure
    execution: Execution


@dataclass(frozen=True, slots=True)
class AttemptSuspended:
    """The handler only waits for these commands and has left memory."""

    invocation_id: str
    attempt: int
    awaiting: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AttemptLost:
    """The session that ran the attempt has ended."""

    invocation_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The time of a timer has come."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Resume:
    """An operator tries a paused invocation again."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Forget an ended invocation whose retention is over."""

    invocation_id: str


Input: TypeAlias = (
    Submit
    | Command
    | StepEnded
    | StepFailed
    | AttemptEnded
    | AttemptFailed
    | AttemptSuspended
    | AttemptLost
    | TimerDue
    | Resume
    | Purge
)
