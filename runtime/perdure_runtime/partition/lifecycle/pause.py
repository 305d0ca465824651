"""Pausing: an operator stops an invocation where it is."""

from dataclasses import replace

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Abort
from perdure_runtime.partition.input import Pause
from perdure_runtime.partition.rows import BackingOff, Paused, Running, Suspended


def on_pause(draft: Draft, pause: Pause) -> None:
    """What comes for it meanwhile stands in its journal when it is resumed."""
    invocation = draft.invocation(pause.invocation_id)
    if invocation is None or not isinstance(invocation.status, Running | Suspended | BackingOff):
        return
    if isinstance(invocation.status, Running):
        draft.emit(Abort(invocation.id, invocation.attempt, "paused by an operator"))
    draft.put(replace(invocation, status=Paused()))
