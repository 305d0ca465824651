"""New invocations: from outside, from a handler, and after a delay."""

from dataclasses import dataclass
from typing import assert_never

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Accepted, Refused
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.lifecycle.key import enter
from perdure_runtime.partition.rows import (
    Caller,
    IdempotencyKey,
    Invocation,
    Mark,
    Running,
    Scheduled,
    StartDue,
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
        draft.emit(Accepted(submit.id, submit.id, existing=True))
        return
    if submit.mark is not None and not _comes_further(draft, submit.id, submit.mark):
        draft.emit(Accepted(submit.id, submit.id, existing=True))
        return
    arrived = arrive(draft, submit, caller=None)
    match arrived:
        case Arrived(id):
            draft.emit(Accepted(submit.id, id))
        case Existing(id):
            draft.emit(Accepted(submit.id, id, existing=True))
        case Taken(id):
            draft.emit(Refused(submit.id, id))
        case _:
            assert_never(arrived)


def arrive(draft: Draft, order: Submit, caller: Caller | None) -> Arrived | Existing | Taken:
    """Makes an invocation, unless its workflow id or idempotency key names one that there is."""
    name = name_of(order)
    if name is not None:
        existing = draft.idempotent(name)
        if existing is not None:
            if order.mode.once and order.must_be_new and not _is_repeated(draft, existing, order.idempotency_key):
                return Taken(existing)
            return Existing(existing)
        draft.put_idempotent(name, order.id)
    due_ms = due_after(draft.now_ms, order.delay_ms)
    invocation = Invocation(
        id=order.id,
        target=order.target,
        mode=order.mode,
        input=order.input,
        headers=order.headers,
        idempotency_key=order.idempotency_key,
        caller=caller,
        created_at_ms=draft.now_ms,
        status=Scheduled(due_ms) if order.delay_ms > 0 else Running(),
    )
    draft.insert(invocation)
    if order.delay_ms > 0:
        draft.set_timer(Timer(due_ms, order.id, StartDue()))
    else:
        enter(draft, invocation)
    return Arrived(order.id)


def name_of(order: Submit) -> IdempotencyKey | None:
    """What may name an older invocation that a call then is."""
    if order.mode.once:
        return IdempotencyKey(order.target, "")
    return IdempotencyKey(order.target, order.idempotency_key) if order.idempotency_key else None


def on_start_due(draft: Draft, invocation: Invocation) -> None:
    """The delay of a scheduled invocation is over."""
    if isinstance(invocation.status, Scheduled):
        enter(draft, invocation)


def _comes_further(draft: Draft, invocation_id: str, mark: Mark) -> bool:
    """Takes note of how far a source has come with this call; false where it has come as far before."""
    partition = draft.placement.of_invocation(invocation_id)
    before = draft.mark(partition, mark.source)
    if before is not None and mark.position <= before:
        return False
    draft.put_mark(partition, mark)
    return True


def _is_repeated(draft: Draft, existing: str, idempotency_key: str) -> bool:
    """Whether a caller that did not hear its answer asks again for the run that it began."""
    run = draft.invocation(existing)
    return run is not None and idempotency_key != "" and run.idempotency_key == idempotency_key
