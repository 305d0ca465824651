"""New invocations: from outside, from a handler, and after a delay."""

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Accepted
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.lifecycle.key import enter
from perdure_runtime.partition.rows import (
    Caller,
    IdempotencyKey,
    Invocation,
    Running,
    Scheduled,
    StartDue,
    Target,
    Timer,
    due_after,
)


def on_submit(draft: Draft, submit: Submit) -> None:
    """A call from outside: one invocation for one id, and for one idempotency key."""
    if draft.invocation(submit.id) is not None:
        draft.emit(Accepted(submit.id, submit.id))
        return
    invocation_id = arrive(
        draft,
        new_id=submit.id,
        target=submit.target,
        exclusive=submit.exclusive,
        input=submit.input,
        headers=submit.headers,
        idempotency_key=submit.idempotency_key,
        delay_ms=submit.delay_ms,
        caller=None,
    )
    draft.emit(Accepted(submit.id, invocation_id))


def arrive(
    draft: Draft,
    *,
    new_id: str,
    target: Target,
    exclusive: bool,
    input: bytes,
    headers: tuple[tuple[str, str], ...],
    idempotency_key: str,
    delay_ms: int,
    caller: Caller | None,
) -> str:
    """Makes an invocation, unless its idempotency key names one, and returns the id of the one that there is."""
    if idempotency_key:
        name = IdempotencyKey(target, idempotency_key)
        existing = draft.idempotent(name)
        if existing is not None:
            return existing
        draft.put_idempotent(name, new_id)
    due_ms = due_after(draft.now_ms, delay_ms)
    invocation = Invocation(
        id=new_id,
        target=target,
        exclusive=exclusive,
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
    return new_id


def on_start_due(draft: Draft, invocation: Invocation) -> None:
    """The delay of a scheduled invocation is over."""
    if isinstance(invocation.status, Scheduled):
        enter(draft, invocation)
