"""Forgetting an ended invocation, each part of it once it has been kept for long enough."""

from dataclasses import replace

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Purge
from perdure_runtime.partition.rows import Caller, Cancel, Ended, IdempotencyKey, Invocation, PromiseRow


def on_purge(draft: Draft, purge: Purge) -> None:
    """Removes what is due: the journal, what names the invocation to callers, and with the last of both its row."""
    invocation = draft.invocation(purge.invocation_id)
    if invocation is None or not isinstance(invocation.status, Ended) or _is_held(draft, invocation):
        return
    ended = invocation.status
    outcome_over = purge.now or ended.outcome_until_ms <= draft.now_ms
    journal_over = purge.now or ended.journal_until_ms <= draft.now_ms
    if outcome_over:
        _forget_name(draft, invocation)
    if outcome_over and journal_over:
        draft.purge(invocation.id)
    elif (outcome_over or journal_over) and not ended.swept:
        if journal_over:
            draft.forget_journal(invocation.id)
        # Written again so that storage looks for what is left of it next.
        draft.put(replace(invocation, status=replace(ended, swept=True)))


def _forget_name(draft: Draft, invocation: Invocation) -> None:
    """Lets its idempotency key, or its workflow id, be used anew."""
    target = invocation.target
    if not invocation.mode.once and not invocation.idempotency_key:
        return
    name = IdempotencyKey(target, "" if invocation.mode.once else invocation.idempotency_key)
    if draft.idempotent(name) != invocation.id:
        return
    draft.put_idempotent(name, None)
    if invocation.mode.once:
        for state in draft.state(target.service, target.key):
            draft.put_state(target.service, target.key, state, None)
        for promise, row in draft.promises(target.service, target.key).items():
            # Shared handlers work without a run too: those that still wait get what the next run resolves.
            waiting = tuple(caller for caller in row.waiting if _is_open(draft, caller))
            draft.put_promise(target.service, target.key, promise, PromiseRow(waiting=waiting) if waiting else None)


def _is_open(draft: Draft, caller: Caller) -> bool:
    """Whether the invocation of a caller has not ended."""
    invocation = draft.invocation(caller.invocation_id)
    return invocation is not None and not isinstance(invocation.status, Ended)


def holds(caller: Invocation | None) -> bool:
    """Whether a cancelled caller has yet to be given the results of what it has called, which stand there alone."""
    return caller is not None and caller.cancel is Cancel.CALLEES and not isinstance(caller.status, Ended)


def _is_held(draft: Draft, invocation: Invocation) -> bool:
    return invocation.caller is not None and holds(draft.invocation(invocation.caller.invocation_id))
