"""What a partition stores, one frozen class a row."""

from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome


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
    """Waits in storage alone until one of these commands completes."""

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
    """Has its outcome, kept until ``retain_until_ms``."""

    outcome: Outcome
    at_ms: int
    retain_until_ms: int


Status: TypeAlias = Scheduled | Queued | Running | Suspended | BackingOff | Paused | Ended


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the outcome of a call completes: a command of another invocation."""

    invocation_id: str
    command: int


@dataclass(frozen=True, slots=True)
class Invocation:
    """One execution of a handler.

    ``attempt`` counts its attempts, suspensions included, and fences what late ones send; ``failures`` counts the
    failed ones since the last step that succeeded.
    """

    id: str
    target: Target
    exclusive: bool
    input: bytes
    headers: tuple[tuple[str, str], ...]
    idempotency_key: str
    caller: Caller | None
    created_at_ms: int
    status: Status
    attempt: int = 0
    failures: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """The lock and inbox of one key: its one writer, and the numbers of the first and next place in line.

    The row exists only while somebody holds the key.
    """

    holder: str
    head: int
    tail: int


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


# The last moment of the year 9999: a wait without end must not overflow what storage can hold.
LAST_MS = 253_402_300_799_999


def due_after(now_ms: int, wait_ms: int) -> int:
    """When a wait that starts now is over."""
    return min(now_ms + max(0, wait_ms), LAST_MS)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes two calls one invocation: the caller's key, within one handler of one object."""

    target: Target
    key: str
