"""Starting attempts, and which attempt speaks for its invocation."""

from dataclasses import replace

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Grant, Start
from perdure_runtime.partition.rows import Invocation, Running


def running(draft: Draft, invocation_id: str, attempt: int) -> Invocation | None:
    """The invocation, if this attempt is the one that speaks for it: what a late one sends changes nothing."""
    invocation = draft.invocation(invocation_id)
    if invocation is None or invocation.attempt != attempt or not isinstance(invocation.status, Running):
        return None
    return invocation


def begin(draft: Draft, invocation: Invocation) -> None:
    """Starts the next attempt."""
    journal = draft.journal(invocation.id)
    target = invocation.target
    state = dict(draft.state(target.service, target.key)) if target.key else {}
    attempt = replace(invocation, status=Running(), attempt=invocation.attempt + 1)
    draft.put(attempt)
    draft.emit(Start(attempt, tuple(journal.entries), state))
    for step in journal.open_steps:
        draft.emit(Grant(attempt.id, attempt.attempt, step))
