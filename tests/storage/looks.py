"""Rows for tests of the views, few names of which meet often, and what one may ask of them."""

from dataclasses import replace
from itertools import product

import hypothesis.strategies as st
from perdure_protos.perdure.peer.v1.message_pb2 import Message, Result
from perdure_protos.perdure.protocol.v1.journal_pb2 import AwakeableCommand, Entry, Outcome
from perdure_runtime.partition import ids
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Caller,
    IdempotencyKey,
    Invocation,
    ObjectRow,
    PromiseRow,
    StartDue,
    Target,
    Timer,
    WakeDue,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.views import VIEWS, Condition, Operator, Sort, View

from tests.storage.samples import STATUSES, bare, entries, invocation

SERVICES = ("Shop", "S\u00fc\U0001f600")
HANDLERS = ("Add", "add")
# What SQL, LIKE, and PostgreSQL's escape of NUL could trip over.
KEYS = ("", "k", "k%", "k_", 'k"\x00x', "k\x01", "K", "\U0010ffff", "\ud7ff", "\ue000")
TEXTS = (*KEYS, "a", "%", "_", "\\", "refused", "Shop", "inv_", "running", "ended", "awakeable", "[", "\u00fc")
NUMBERS = (-1, 0, 1, 2, 3, 5, 9, 1_699_999_999_999, 2**62)


def rows_of(placement: Placement) -> list[Writes]:
    """Rows of all sorts and of all partitions; those that lie together, together."""
    found: list[Writes] = []
    for number, (service, handler, key, status) in enumerate(product(SERVICES, HANDLERS, KEYS, STATUSES)):
        id = ids.mint(number, number * 7_919, ids.place_of_key(service, key) if key else number * 4_099 & 0xFFFF)
        row = replace((invocation, bare)[number % 2](id, status), target=Target(service, handler, key))
        found.append(_of(placement, number, row))
    return found


def _of(placement: Placement, number: int, row: Invocation) -> Writes:
    target, text = row.target, TEXTS[number % len(TEXTS)]
    row = replace(row, last_error=text, caller=Caller(text, number) if number % 3 else None)
    writes = Writes(invocations={row.id: row}, inserted={row.id})
    writes.journal = {(row.id, position): entry for position, entry in enumerate(entries(number % 3))}
    if number % 5 == 0:
        writes.journal[row.id, 7] = Entry(awakeable=AwakeableCommand(type="t"))
    writes.state[target.service, target.key, text[:40]] = b"%d" % number
    writes.objects[target.service, target.key] = ObjectRow(row.id, number % 3, 4)
    writes.inbox[target.service, target.key, number % 4] = row.id
    result = Outcome(value=b"%d" % number) if number % 2 else None
    writes.promises[target.service, target.key, text[:40]] = PromiseRow(result, () if number % 2 else (Caller("c", 1),))
    name = IdempotencyKey(target, text)
    if placement.of_name(name) == placement.of_invocation(row.id):
        writes.idempotency[name] = row.id
    writes.timers = {Timer(number % 5, row.id, StartDue()): True, Timer(number % 5, row.id, WakeDue(2)): True}
    here = placement.of_invocation(row.id)
    writes.outbox[here, number % placement.partitions, number] = Message(result=Result(outcome=Outcome(value=b"v")))
    writes.marks[here, text[:40]] = number
    return writes


def everything(placement: Placement) -> Writes:
    """All of them as one batch."""
    batch = Writes()
    for writes in rows_of(placement):
        batch.merge(writes)
    return batch


@st.composite
def asked(draw: st.DrawFn) -> tuple[View, tuple[Condition, ...], int, bool]:
    """A view, conditions for it, a length of pages, and whether from the end."""
    view = draw(st.sampled_from(list(VIEWS.values())))
    columns = [column for column in view.columns if view.sort_of(column) is not Sort.PAYLOAD]
    conditions = draw(st.lists(st.sampled_from(columns).flatmap(lambda column: _condition(view, column)), max_size=3))
    return view, tuple(conditions), draw(st.sampled_from((1, 7, 1_000))), draw(st.booleans())


def _condition(view: View, column: str) -> st.SearchStrategy[Condition]:
    is_text = view.sort_of(column) is Sort.TEXT
    operators = [each for each in Operator if is_text or each not in (Operator.CONTAINS, Operator.BEGINS)]
    values = st.sampled_from(TEXTS if is_text else NUMBERS)
    some = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.builds(Condition, st.just(column), st.sampled_from(operators), some)
