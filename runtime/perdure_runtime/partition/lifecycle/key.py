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
    if not invocation.mode.exclusive:
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
    """Takes an ended invocation out of the line, or gives its key to the next in line and starts that one."""
    if not invocation.mode.exclusive:
        return
    service, key = invocation.target.service, invocation.target.key
    row = draft.object(service, key)
    match invocation.status:
        case Queued(seq):
            # Its place stays empty: the window closes over it when its turn comes.
            draft.put_inbox(service, key, seq, None)
        case _ if row is not None and row.holder == invocation.id:
            _hand_over(draft, service, key, row)
        case _:
            pass  # It was scheduled, and never came into the line.


def _hand_over(draft: Draft, service: str, key: str, row: ObjectRow) -> None:
    place = draft.inbox(service, key, row.head) if row.head < row.tail else None
    if place is None:
        draft.put_object(service, key, None)
        return
    following = draft.invocation(place.invocation_id)
    if following is None:
        raise AssertionError(
            f"place {place.seq} in the inbox of {service}/{key} names no invocation: {place.invocation_id}"
        )
    draft.put_inbox(service, key, place.seq, None)
    draft.put_object(service, key, replace(row, holder=following.id, head=place.seq + 1))
    begin(draft, following)
