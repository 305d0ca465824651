"""Crowds that wait for one thing: those who have ended meanwhile are let go.

An invocation that ends does not look for all that it waited for. Who joins a crowd looks through it instead, at each
doubling of its size, so that joining costs the same however many there are.
"""

from collections.abc import Collection

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.rows import Caller, Ended

# Fewer than this are no crowd.
CROWD = 16


def listen(draft: Draft, invocation_id: str, caller: Caller) -> None:
    """Makes a command wait for the end of an invocation."""
    for gone in ended(draft, draft.listeners(invocation_id)):
        draft.unlisten(invocation_id, gone)
    draft.listen(invocation_id, caller)


def ended(draft: Draft, waiting: Collection[Caller]) -> list[Caller]:
    """Those who have ended, where it is time to look."""
    size = len(waiting)
    is_doubled = size >= CROWD and size & (size - 1) == 0
    return [caller for caller in waiting if not is_open(draft, caller)] if is_doubled else []


def is_open(draft: Draft, caller: Caller) -> bool:
    """Whether the invocation of a caller has not ended, as far as is known here."""
    if not draft.owns(draft.placement.of_invocation(caller.invocation_id)):
        return True
    invocation = draft.invocation(caller.invocation_id)
    return invocation is not None and not isinstance(invocation.status, Ended)
