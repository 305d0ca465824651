"""Starting attempts, and which attempt speaks for its invocation."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Grant, Start
from perdure_runtime.partition.rows import Invocation, Running

# State up to this size travels with each attempt; more than that is read by commands, as far as it is needed.
EAGER_BYTES = 64 * 1024


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
    state = draft.state(target.service, target.key) if target.key else {}
    eager = _eager(state)
    attempt = replace(invocation, status=Running(), attempt=invocation.attempt + 1)
    draft.put(attempt)
    draft.emit(Start(attempt, tuple(journal.entries), eager, partial=len(eager) < len(state)))
    for step in journal.open_steps:
        draft.emit(Grant(attempt.id, attempt.attempt, step))


def _eager(state: Mapping[str, bytes]) -> dict[str, bytes]:
    """The smallest values first, and as many as fit."""
    if sum(map(len, state.values())) <= EAGER_BYTES:
        return dict(state)
    smallest = sorted(state.items(), key=lambda item: (len(item[1]), item[0]))
    sizes = accumulate(len(value) for _, value in smallest)
    return {name: value for (name, value), size in zip(smallest, sizes, strict=True) if size <= EAGER_BYTES}
