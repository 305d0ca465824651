"""New invocations: from outside, from a handler, and after a delay."""

from dataclasses import dataclass

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Accepted, Refused
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.lifecycle.key import enter
from perdure_runtime.partition.rows import (
    Caller,
    IdempotencyKey,
    Invocation,
    Mode,
    Running,
    Scheduled,
    StartDue,
    Target,
    Timer,
    due_after,
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The call has become a new invocation."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class Existing:
    """The call is an older invocation: its idempotency key, or its workflow id, names it."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The call must be new, and its workflow id has run already."""

    invocation_id: str


def on_submit(draft: Draft, submit: Submit) -> None:
    """A call from outside: one invocation for one id, and for one idempotency key."""
    if draft.invocation(submit.id) is not None:
        draft.emit(Accepted(submit.id, submit.id))
        return
    arrived = arrive(
        draft,
        new_id=submit.id,
        target=submit.target,
        mode=submit.mode,
        input=submit.input,
        headers=submit.headers,
        idempotency_key=submit.idempotency_key,
        delay_ms=submit.delay_ms,
        must_be_new=submit.must_be_new,
        caller=None,
    )
    if isinstance(arrived, Taken):
        draft.emit(Refused(submit.id, arrived.invocation_id))
    else:
        draft.emit(Accepted(submit.id, arrived.invocation_id))


def arrive(
    draft: Draft,
    *,
    new_id: str,
    target: Target,
    mode: Mode,
    input: bytes,
    headers: tuple[tuple[str, str], ...],
    idempotency_key: str,
    delay_ms: int,
    must_be_new: bool,
    caller: Caller | None,
) -> Arrived | Existing | Taken:
    """Makes an invocation, unless its workflow id or idempotency key names one that there is."""
    if mode.once or idempotency_key:
        name = IdempotencyKey(target, "" if mode.once else idempotency_key)
        existing = draft.idempotent(name)
        if existing is not None:
            if mode.once and must_be_new and not _is_repeated(draft, existing, idempotency_key):
                return Taken(existing)
            return Existing(existing)
        draft.put_idempotent(name, new_id)
    due_ms = due_after(draft.now_ms, delay_ms)
    invocation = Invocation(
        id=new_id,
        target=target,
        mode=mode,
        input=input,
        headers=headers,
        idempotency_key=idempotency_key,
        caller=caller,
        created_at_ms=draft.now_ms,
        status=Scheduled(due_ms) if delay_ms > 0 else Running(),
    )
    draft.insert(invocation)
    if delay_ms > 0:
        draft.set_timer(Timer(due_ms, new_id, StartDue()))
    else:
        enter(draft, invocation)
    return Arrived(new_id)


def on_start_due(draft: Draft, invocation: Invocation) -> None:
    """The delay of a scheduled invocation is over."""
    if isinstance(invocation.status, Scheduled):
        enter(draft, invocation)


def _is_repeated(draft: Draft, existing: str, idempotency_key: str) -> bool:
    """Whether a caller that did not hear its answer asks again for the run that it began."""
    run = draft.invocation(existing)
    return run is not None and idempotency_key != "" and run.idempotency_key == idempotency_key
