"""Rows in and out: each class of ``partition.rows`` as columns, the same in every database.

A plain new field of Invocation is one name in PLAIN or PROGRESS, and its column in a migration of each database.
"""

import json
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeAlias, assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.partition.rows import (
    BackingOff,
    Caller,
    Cancel,
    Ended,
    Invocation,
    Mode,
    Paused,
    PromiseRow,
    Purpose,
    Queued,
    RetryDue,
    Running,
    Scheduled,
    StartDue,
    Status,
    Suspended,
    Target,
    Timer,
    WakeDue,
)

Value: TypeAlias = str | int | bytes | None
Row: TypeAlias = Sequence[Value]

# Fields stored as they are, under their own names: what never changes, and what every attempt changes.
PLAIN = ("id", "idempotency_key", "created_at_ms")
PROGRESS = ("attempt", "failures", "last_error", "cancel", "deployment_id", "callees")
# Columns of more than one field, or of a field in another form.
SHAPED = (
    *("service", "handler", "key", "exclusive", "once", "explicit_cancellation"),
    *("outcome_retention_ms", "journal_retention_ms"),
    *("headers", "caller_id", "caller_command"),
)
STATUS = (
    *("status", "due_ms", "inbox_seq", "awaiting"),
    *("outcome_code", "outcome", "ended_at_ms", "outcome_until_ms", "journal_until_ms", "retain_until_ms"),
)

INVOCATION = (*PLAIN, *PROGRESS, *SHAPED, *STATUS, "input")
CHANGING = (*PROGRESS, *STATUS)

_PLAIN_AND_PROGRESS = attrgetter(*PLAIN, *PROGRESS)
_PROGRESS = attrgetter(*PROGRESS)
# People read these columns: letters stay letters.
_encode_json = json.JSONEncoder(ensure_ascii=False).encode


def invocation_row(invocation: Invocation) -> Row:
    """The columns INVOCATION."""
    target, mode, caller, headers = invocation.target, invocation.mode, invocation.caller, invocation.headers
    return (
        *_PLAIN_AND_PROGRESS(invocation),
        target.service,
        target.handler,
        target.key,
        mode.exclusive,
        mode.once,
        mode.explicit_cancellation,
        mode.outcome_retention_ms,
        mode.journal_retention_ms,
        _encode_json(headers) if headers else None,
        caller.invocation_id if caller is not None else None,
        caller.command if caller is not None else None,
        *status_columns(invocation.status),
        invocation.input,
    )


def changing_row(invocation: Invocation) -> Row:
    """The columns CHANGING, then the id."""
    return (*_PROGRESS(invocation), *status_columns(invocation.status), invocation.id)


def status_columns(status: Status) -> Row:
    """The columns STATUS."""
    # In the order of frequency: this runs for every row.
    if isinstance(status, Ended):
        outcome = status.outcome
        code = outcome.failure.code if outcome.HasField("failure") else 0
        until = (status.outcome_until_ms, status.journal_until_ms, status.next_expiry_ms)
        return ("ended", None, None, None, code, outcome.SerializeToString(), status.at_ms, *until)
    match status:
        case Running():
            return _RUNNING
        case Queued(seq):
            return ("queued", None, seq, None, *_OPEN)
        case Suspended(awaiting):
            return ("suspended", None, None, _encode_json(awaiting), *_OPEN)
        case Scheduled(due_ms):
            return ("scheduled", due_ms, None, None, *_OPEN)
        case BackingOff(due_ms):
            return ("backing_off", due_ms, None, None, *_OPEN)
        case Paused():
            return ("paused", None, None, None, *_OPEN)
        case _:
            assert_never(status)


# What only an ended invocation has.
_OPEN: Row = (None,) * 6
_RUNNING: Row = ("running", None, None, None, *_OPEN)


# The types of columns are known to the schema, not to Python: from here on values are Any.
def invocation_of(row: Sequence[Any]) -> Invocation:
    """The invocation of the columns INVOCATION."""
    plain = len(PLAIN) + len(PROGRESS)
    shaped = plain + len(SHAPED)
    service, handler, key, exclusive, once, explicit, *kept_ms, headers, caller_id, caller_command = row[plain:shaped]
    plainly = dict(zip((*PLAIN, *PROGRESS), row, strict=False))
    plainly["cancel"] = Cancel(plainly["cancel"])
    return Invocation(
        **plainly,
        target=Target(service, handler, key),
        mode=Mode(bool(exclusive), bool(once), bool(explicit), *kept_ms),
        headers=tuple((name, value) for name, value in json.loads(headers)) if headers is not None else (),
        caller=Caller(caller_id, caller_command) if caller_id is not None else None,
        status=status_of(row[shaped:-1]),
        input=row[-1],
    )


def status_of(columns: Sequence[Any]) -> Status:
    """The status of the columns STATUS."""
    status, due_ms, inbox_seq, awaiting, _, outcome, ended_at_ms, outcome_until_ms, journal_until_ms, next_ms = columns
    match status:
        case "ended":
            swept = next_ms > min(outcome_until_ms, journal_until_ms)
            return Ended(Outcome.FromString(outcome), ended_at_ms, outcome_until_ms, journal_until_ms, swept)
        case "running":
            return Running()
        case "queued":
            return Queued(inbox_seq)
        case "suspended":
            return Suspended(tuple(json.loads(awaiting)))
        case "scheduled":
            return Scheduled(due_ms)
        case "backing_off":
            return BackingOff(due_ms)
        case "paused":
            return Paused()
        case _:
            raise ValueError(f"{status!r} is no status of an invocation")


def promise_row(place: tuple[str, str, str], promise: PromiseRow) -> Row:
    """The columns of a promise."""
    result = None if promise.result is None else promise.result.SerializeToString()
    waiting = [(caller.invocation_id, caller.command) for caller in promise.waiting]
    return (*place, result, _encode_json(waiting) if waiting else None)


def promise_of(result: bytes | None, waiting: str | None) -> PromiseRow:
    """The promise of its columns."""
    callers = () if waiting is None else tuple(Caller(id, command) for id, command in json.loads(waiting))
    return PromiseRow(None if result is None else Outcome.FromString(result), callers)


def timer_row(timer: Timer) -> Row:
    """The columns of a timer."""
    purpose = timer.purpose
    match purpose:
        case StartDue():
            return (timer.due_ms, timer.invocation_id, "start", 0)
        case WakeDue(command):
            return (timer.due_ms, timer.invocation_id, "wake", command)
        case RetryDue(attempt):
            return (timer.due_ms, timer.invocation_id, "retry", attempt)
        case _:
            assert_never(purpose)


def timer_of(row: Sequence[Any]) -> Timer:
    """The timer of its columns."""
    due_ms, invocation_id, purpose, number = row
    return Timer(due_ms, invocation_id, _purpose_of(purpose, number))


def _purpose_of(purpose: str, number: int) -> Purpose:
    match purpose:
        case "start":
            return StartDue()
        case "wake":
            return WakeDue(number)
        case "retry":
            return RetryDue(number)
        case _:
            raise ValueError(f"{purpose!r} is no purpose of a timer")
