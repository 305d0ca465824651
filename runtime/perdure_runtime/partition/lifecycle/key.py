"""One writer a key: the lock of an object, and the line before it.

The head of the line is not stored as a list: the object's row has the window of places that are taken, so that
joining and leaving cost one row each however long the line is.
"""

from dataclasses import replace

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.lifecycle.begin import begin
from perdure_runtime.partition.rows import Invocation, ObjectRow, Queued


def enter(draft: Draft, invocation: Invocation) -> None:
    """Starts an invocation, or lets it wait in line where another one writes its key."""
    if not invocation.exclusive:
        begin(draft, invocation)
        return
    service, key = invocation.target.service, invocation.target.key
    row = draft.object(service, key)
    if row is None:
        draft.put_object(service, key, ObjectRow(invocation.id, head=0, tail=0))
        begin(draft, invocation)
        return
    draft.put_inbox(service, key, row.tail, invocation.id)
    draft.put_object(service, key, replace(row, tail=row.tail + 1))
    draft.put(replace(invocation, status=Queued(row.tail)))


def leave(draft: Draft, invocation: Invocation) -> None:
    """Gives the key of an ended invocation to the next in line, and starts that one."""
    service, key = invocation.target.service, invocation.target.key
    row = draft.object(service, key) if invocation.exclusive else None
    if row is None or row.holder != invocation.id:
        return
    if row.head == row.tail:
        draft.put_object(service, key, None)
        return
    waiting = draft.inbox(service, key, row.head)
    following = draft.invocation(waiting) if waiting is not None else None
    if following is None:
        raise AssertionError(f"place {row.head} in the inbox of {service}/{key} names no invocation: {waiting}")
    draft.put_inbox(service, key, row.head, None)
    draft.put_object(service, key, replace(row, holder=following.id, head=row.head + 1))
    begin(draft, following)
