"""Forgetting an invocation whose retention is over."""

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Purge
from perdure_runtime.partition.rows import Ended, IdempotencyKey


def on_purge(draft: Draft, purge: Purge) -> None:
    """Removes an ended invocation, its journal, and the idempotency key that named it."""
    invocation = draft.invocation(purge.invocation_id)
    if invocation is None or not isinstance(invocation.status, Ended):
        return
    if invocation.status.retain_until_ms > draft.now_ms:
        return
    if invocation.idempotency_key:
        draft.put_idempotent(IdempotencyKey(invocation.target, invocation.idempotency_key), None)
    draft.purge(invocation.id)
