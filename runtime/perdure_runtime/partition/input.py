"""What can happen to a partition."""

from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome, StepFailure
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import SHARED, Mark, Mode, Target, Timer


@dataclass(frozen=True, slots=True)
class Submit:
    """A caller from outside asks for an invocation; ``delay_ms`` of 0 starts it at once.

    ``id`` is newly minted, unless it is ``repeated``: then this call may be there already. What a source brings has
    its ``mark``: with the invocation it is stored that the source has come so far, and what it brings again is nothing.
    """

    id: str
    target: Target
    mode: Mode
    input: bytes
    headers: tuple[tuple[str, str], ...] = ()
    idempotency_key: str = ""
    delay_ms: int = 0
    must_be_new: bool = False
    repeated: bool = False
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """An attempt issued its command number ``command``.

    ``mode`` is, for calls and sends, that of the handler that they name; ``deployment_id`` is what runs the attempt.
    ``cancellation_accepted``: if the invocation is cancelled, its handler asks for this in spite of it.
    """

    invocation_id: str
    attempt: int
    command: int
    entry: Entry
    mode: Mode = SHARED
    deployment_id: str = ""
    cancellation_accepted: bool = False


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
    """The handler only waits for these commands and has left memory.

    ``cancelled`` says whether it has seen the cancellation of its invocation.
    """

    invocation_id: str
    attempt: int
    awaiting: tuple[int, ...]
    cancelled: bool = False


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
    """An operator tries a paused invocation again: on the newest deployment where ``on_newest`` says so."""

    invocation_id: str
    on_newest: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator stops an invocation until it is resumed."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class CancelInvocation:
    """Somebody asks an invocation to end in good order, what it has called first."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class Kill:
    """An operator ends an invocation, and all that it has called, without their handlers."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class Restart:
    """An operator runs an ended invocation again as ``new_id``, with the first ``commands`` commands of its journal."""

    invocation_id: str
    new_id: str
    commands: int = 0


@dataclass(frozen=True, slots=True)
class SignalInvocation:
    """Somebody outside gives an invocation a signal."""

    invocation_id: str
    name: str
    result: Outcome


@dataclass(frozen=True, slots=True)
class CompleteAwakeable:
    """Somebody outside resolves or rejects an awakeable."""

    awakeable_id: str
    result: Outcome


class EditRefused(Exception):
    """What an operator wants to change is not as it was thought to be; the message says how it is, and what to do."""


@dataclass(frozen=True, slots=True)
class EditState:
    """An operator changes state of a key; None clears a name.

    Refused while a running handler has the key, and where the state is not what the operator has seen: ``version``.
    """

    service: str
    key: str
    version: str
    changes: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class SettlePromise:
    """An operator gives a promise of a workflow its result. Refused where it has one."""

    service: str
    key: str
    name: str
    result: Outcome


@dataclass(frozen=True, slots=True)
class Purge:
    """Forget what of an ended invocation has been kept for long enough; with ``now`` all of it, at once."""

    invocation_id: str
    now: bool = False


@dataclass(frozen=True, slots=True)
class Receive:
    """Message number ``seq`` of those that partition ``source`` sends to ``destination``, which is here."""

    source: int
    destination: int
    seq: int
    message: Message


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Partition ``destination`` has all messages of ``source``, which is here, up to number ``seq``."""

    source: int
    destination: int
    seq: int


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
    | Pause
    | CancelInvocation
    | Kill
    | Restart
    | SignalInvocation
    | CompleteAwakeable
    | EditState
    | SettlePromise
    | Purge
    | Receive
    | Acknowledged
)
