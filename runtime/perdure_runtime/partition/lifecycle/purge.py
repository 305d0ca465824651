"""Forgetting an ended invocation, each part of it once it has been kept for long enough."""

from dataclasses import replace

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Purge
from perdure_runtime.partition.lifecycle.crowd import is_open
from perdure_runtime.partition.rows import Ended, IdempotencyKey, Invocation, PromiseRow


def on_purge(draft: Draft, purge: Purge) -> None:
    """Removes what is due: the journal, what names the invocation to callers, and with the last of both its row."""
    invocation = draft.invocation(purge.invocation_id)
    if invocation is None or not isinstance(invocation.status, Ended):
        return
    ended = invocation.status
    if not purge.now and draft.now_ms < ended.next_expiry_ms:
        return
    outcome_over = purge.now or ended.outcome_until_ms <= draft.now_ms
    journal_over = purge.now or ended.journal_until_ms <= draft.now_ms
    if outcome_over:
        _forget_name(draft, invocation)
    if outcome_over and journal_over:
        draft.purge(invocation.id)
    else:
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
            waiting = tuple(caller for caller in row.waiting if is_open(draft, caller))
            draft.put_promise(target.service, target.key, promise, PromiseRow(waiting=waiting) if waiting else None)
