"""What a partition stores, one frozen class a row."""

import enum
from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.partition.policy import DEFAULT


@dataclass(frozen=True, slots=True)
class Target:
    """A handler; ``key`` is "" for services."""

    service: str
    handler: str
    key: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Starts when its delay is over."""

    due_ms: int


@dataclass(frozen=True, slots=True)
class Queued:
    """Waits in the inbox of its object."""

    seq: int


@dataclass(frozen=True, slots=True)
class Running:
    """Has an attempt at an endpoint, or is on its way there."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """Waits in storage alone until one of these commands completes, or it is cancelled."""

    awaiting: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BackingOff:
    """Failed; the next attempt starts at ``due_ms``."""

    due_ms: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Waits for an operator."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Has its outcome, which stays until ``outcome_until_ms``; its journal stays until ``journal_until_ms``.

    ``swept`` says that the first of both is over, and what it was for has gone.
    """

    outcome: Outcome
    at_ms: int
    outcome_until_ms: int
    journal_until_ms: int
    swept: bool = False

    @property
    def next_expiry_ms(self) -> int:
        """When there is something to forget."""
        first, last = sorted((self.outcome_until_ms, self.journal_until_ms))
        return last if self.swept else first


Status: TypeAlias = Scheduled | Queued | Running | Suspended | BackingOff | Paused | Ended


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the outcome of a call completes: a command of another invocation."""

    invocation_id: str
    command: int


class Cancel(enum.IntEnum):
    """How far the cancellation of an invocation has come."""

    NONE = 0
    # What it has called is being cancelled first.
    CALLEES = 1
    # It stands in the journal: the handler gets to know of it.
    JOURNALED = 2


@dataclass(frozen=True, slots=True)
class Mode:
    """How a handler runs, as its contract says.

    ``exclusive``: it is the one writer of its key. ``once``: it is the run of a workflow, one for each key.
    ``explicit_cancellation``: it looks after its cancellation itself, and after that of what it has called. The
    retentions are for an end that no attempt of its own brings about; else they come with that end, and may be newer.
    """

    exclusive: bool = False
    once: bool = False
    explicit_cancellation: bool = False
    outcome_retention_ms: int = DEFAULT.outcome_retention_ms
    journal_retention_ms: int = DEFAULT.journal_retention_ms


SHARED = Mode()


@dataclass(frozen=True, slots=True)
class Invocation:
    """One execution of a handler.

    ``attempt`` counts its attempts, suspensions included, and fences what late ones send; ``failures`` counts the
    failed ones since the last step that succeeded. ``deployment_id`` names the deployment that wrote its journal, which
    alone can be trusted to repeat it; empty while there is no journal. ``callees`` counts, while it is being cancelled,
    what it has called and has yet to end.
    """

    id: str
    target: Target
    mode: Mode
    input: bytes
    headers: tuple[tuple[str, str], ...]
    idempotency_key: str
    caller: Caller | None
    created_at_ms: int
    status: Status
    attempt: int = 0
    failures: int = 0
    last_error: str = ""
    cancel: Cancel = Cancel.NONE
    deployment_id: str = ""
    callees: int = 0


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """The lock and inbox of one key: its one writer, and the numbers of the first and next place in line.

    The row exists only while somebody holds the key.
    """

    holder: str
    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place in line that is taken: its number, and who waits there."""

    seq: int
    invocation_id: str


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """A promise of a workflow: its result once it has one, until then the commands that wait for it."""

    result: Outcome | None = None
    waiting: tuple[Caller, ...] = ()


@dataclass(frozen=True, slots=True)
class StartDue:
    """The delay of a scheduled invocation is over."""


@dataclass(frozen=True, slots=True)
class WakeDue:
    """A sleep is over."""

    command: int


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The backoff after this attempt is over."""

    attempt: int


Purpose: TypeAlias = StartDue | WakeDue | RetryDue


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to do for an invocation at a time."""

    due_ms: int
    invocation_id: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Channel:
    """From one partition to another: the number of the last message sent, and of the last that is known to be there."""

    sent: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source has come: the messages of one partition of a topic, or the times of a schedule.

    Positions of a source only grow: what is not beyond the one that is stored has come through already.
    """

    source: str
    position: int


# The last moment of the year 9999: a wait without end must not overflow what storage can hold.
LAST_MS = 253_402_300_799_999


def due_after(now_ms: int, wait_ms: int) -> int:
    """When a wait that starts now is over."""
    return min(now_ms + max(0, wait_ms), LAST_MS)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes two calls one invocation: the caller's key, within one handler of one object.

    The empty key is that of a workflow's run: its id alone makes two calls one.
    """

    target: Target
    key: str
