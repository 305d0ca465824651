"""What operators can look at: every database shows the same rows, finds what fits, and pages through it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import AwakeableCommand, Entry, Failure, Outcome
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Caller,
    Cancel,
    Ended,
    IdempotencyKey,
    ObjectRow,
    PromiseRow,
    RetryDue,
    Target,
    Timer,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Database
from perdure_runtime.storage.memory import MemoryStorage
from perdure_runtime.storage.merged import MergedSurvey
from perdure_runtime.storage.views import (
    IDEMPOTENCY,
    INBOX,
    INVOCATION,
    JOURNAL_ENTRY,
    MARK,
    OBJECT,
    OUTBOX,
    PARTITION,
    PROMISE,
    STATE,
    TIMER,
    VIEWS,
    Condition,
    Operator,
    View,
    ViewRow,
    fits,
    is_equal,
    page,
)

from tests.storage.conftest import make_home
from tests.storage.looks import asked, everything
from tests.storage.samples import bare, inserting, invocation, save

PARTITIONS = 4


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def filled(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A storage with rows of all sorts in all of its partitions."""
    storage = make_home(request, request.param, PARTITIONS).open()
    storage.acquire()
    save(storage, everything(Placement(PARTITIONS)))
    yield storage
    storage.close()


def all_of(survey: Database, view: View) -> list[ViewRow]:
    """Every row of a view."""
    return survey.scan(view, limit=100_000)


def test_each_view_shows_the_columns_of_its_rows(storage: Database) -> None:
    failed = Outcome(failure=Failure(code=9, message="no"))
    entry, message = Entry(awakeable=AwakeableCommand(type="t")), Message()
    row = replace(invocation("inv_1", Ended(failed, 7, 8, 9)), deployment_id="dp_1")
    writes = inserting(row)
    writes.journal["inv_1", 4] = entry
    writes.state["s", "k", "n"] = b"1"
    writes.objects["s", "k"] = ObjectRow("inv_1", 1, 2)
    writes.inbox["s", "k", 5] = "inv_1"
    writes.timers[Timer(6, "inv_1", RetryDue(3))] = True
    writes.promises["s", "k", "p"] = PromiseRow(waiting=(Caller("inv_2", 3),))
    writes.idempotency[IdempotencyKey(Target("s", "H", "k"), "o-1")] = "inv_1"
    writes.outbox[0, 0, 3] = message
    writes.marks[0, "topic/1"] = 41
    save(storage, writes)
    target = row.target
    shown = dict(zip(INVOCATION.columns, all_of(storage, INVOCATION)[0], strict=True))
    assert shown == {
        "id": "inv_1",
        "service": target.service,
        "handler": target.handler,
        "key": target.key,
        "status": "ended",
        "created_at_ms": row.created_at_ms,
        "ended_at_ms": 7,
        "due_ms": None,
        "attempt": 3,
        "failures": 2,
        "last_error": row.last_error,
        "deployment_id": "dp_1",
        "idempotency_key": "o-1",
        "caller_id": "inv_caller",
        "caller_command": 2,
        "cancel": Cancel.JOURNALED.value,
        "outcome_code": 9,
        "outcome": failed.SerializeToString(),
        "outcome_until_ms": 8,
        "journal_until_ms": 9,
        "awaiting": None,
        "headers": r'[["traceparent", "00-ab"], ["x", "ü\n' + "'" + r'\""]]',
        "input": b"input",
    }
    others = {view.name: all_of(storage, view) for view in VIEWS.values() if view is not INVOCATION}
    assert others == {
        JOURNAL_ENTRY.name: [("inv_1", 4, "awakeable", entry.SerializeToString())],
        STATE.name: [("s", "k", "n", b"1")],
        OBJECT.name: [("s", "k", "inv_1", 1, 2)],
        INBOX.name: [("s", "k", 5, "inv_1")],
        TIMER.name: [(6, "inv_1", "retry", 3)],
        PROMISE.name: [("s", "k", "p", None, '[["inv_2", 3]]')],
        IDEMPOTENCY.name: [("s", "H", "k", "o-1", "inv_1")],
        OUTBOX.name: [(0, 0, 3, message.SerializeToString())],
        MARK.name: [("topic/1", 0, 41)],
        PARTITION.name: [(0, all_of(storage, PARTITION)[0][1], 1)],
    }


@pytest.mark.parametrize("size", [0, 512, 513, 100_000])
def test_an_input_of_any_length_is_shown(storage: Database, size: int) -> None:
    save(storage, inserting(invocation("inv_1", input=b"i" * size)))
    assert all_of(storage, INVOCATION)[0][INVOCATION.place("input")] == b"i" * size


def test_what_fits_is_found_in_order_and_page_by_page(filled: Database) -> None:
    everything_of = {view: all_of(filled, view) for view in VIEWS.values()}
    assert all(rows == page(view, rows, None, 100_000) for view, rows in everything_of.items())

    @settings(max_examples=150, deadline=None)
    @given(asked())
    def look(question: tuple[View, tuple[Condition, ...], int, bool]) -> None:
        view, conditions, size, descending = question
        rows = everything_of[view]
        fitting = [row for row in rows if all(fits(each, row[view.place(each.column)]) for each in conditions)]
        assert filled.count(view, conditions, 100_000) == len(fitting)
        assert filled.count(view, conditions, 3) == min(3, len(fitting))
        expected = fitting[::-1] if descending else fitting
        # Two pages, and one from the middle.
        for start in {0, min(size, len(expected)), len(expected) // 2}:
            after = view.key_of(expected[start - 1]) if start else None
            found = filled.scan(view, conditions, after, size, descending=descending)
            assert found == expected[start : start + size]

    look()


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        (Operator.EQUAL, ("a%",), ["a%"]),
        (Operator.EQUAL, ("a%", "b"), ["a%", "b"]),
        (Operator.NOT_EQUAL, ("a%", "b"), ["A%c", "a%c", "a_c", "abc"]),
        (Operator.CONTAINS, ("%c",), ["A%c", "a%c"]),
        (Operator.CONTAINS, ("_", "b"), ["a_c", "abc", "b"]),
        (Operator.BEGINS, ("a%",), ["a%", "a%c"]),
        (Operator.BEGINS, ("",), ["A%c", "a%", "a%c", "a_c", "abc", "b"]),
        (Operator.BELOW, ("a_c",), ["A%c", "a%", "a%c"]),
        (Operator.AT_LEAST, ("abc",), ["abc", "b"]),
    ],
)
def test_text_is_compared_letter_for_letter(
    storage: Database, operator: Operator, values: tuple[str, ...], found: list[str]
) -> None:
    keys = ("a%", "a%c", "A%c", "abc", "a_c", "b")
    save(storage, Writes(state={("s", key, "n"): b"1" for key in keys}))
    rows = storage.scan(STATE, (Condition("key", operator, values),))
    assert [row[STATE.place("key")] for row in rows] == found


def test_what_is_null_fits_nothing(storage: Database) -> None:
    save(storage, inserting(bare("inv_1"), replace(bare("inv_2"), status=Ended(Outcome(value=b""), 1, 2, 3))))
    for operator in (Operator.EQUAL, Operator.NOT_EQUAL, Operator.AT_LEAST, Operator.BELOW):
        rows = storage.scan(INVOCATION, (Condition("outcome_code", operator, (0,)),))
        assert "inv_1" not in [row[0] for row in rows]


@pytest.mark.parametrize(
    ("conditions", "after", "saying"),
    [
        ((is_equal("colour", "red"),), None, "invocation has no column 'colour', only id, service"),
        ((is_equal("id"),), None, "names no value to compare with"),
        ((is_equal("attempt", "1"),), None, "compares a number with something else: '1'"),
        ((is_equal("status", 1),), None, "compares text with something else: 1"),
        ((is_equal("input", "a"),), None, "payloads cannot be compared where they are stored"),
        ((Condition("attempt", Operator.CONTAINS, (1,)),), None, "only text can be asked what it contains"),
        ((), ("inv_1", 2), "a place in invocation is id: 1 values, not 2"),
    ],
)
def test_a_question_that_makes_no_sense_says_why(
    storage: Database, conditions: tuple[Condition, ...], after: ViewRow | None, saying: str
) -> None:
    with pytest.raises(ValueError, match=saying):
        storage.scan(INVOCATION, conditions, after)
    if after is None:
        with pytest.raises(ValueError, match=saying):
            storage.count(INVOCATION, conditions, 1)


def test_invocations_are_tallied_by_handler_and_ending(filled: Database) -> None:
    columns = [INVOCATION.place(name) for name in ("service", "handler", "status", "outcome_code")]
    expected: dict[tuple[str, str, str], int] = {}
    for row in all_of(filled, INVOCATION):
        service, handler, status, code = (row[column] for column in columns)
        ending = str(status) if status != "ended" else "failed" if code else "succeeded"
        of = (str(service), str(handler), ending)
        expected[of] = expected.get(of, 0) + 1
    assert filled.tally() == [(*of, number) for of, number in sorted(expected.items())]


def test_several_databases_are_looked_at_as_one(filled: Database) -> None:
    other = MemoryStorage()
    other.acquire()
    save(other, inserting(bare("inv_"), bare("inv_~")))
    merged, known = MergedSurvey((filled, other)), all_of(filled, INVOCATION)
    assert [row[0] for row in merged.scan(INVOCATION, limit=2)] == ["inv_", known[0][0]]
    assert [row[0] for row in merged.scan(INVOCATION, limit=2, descending=True)] == ["inv_~", known[-1][0]]
    assert merged.scan(INVOCATION, (), ("inv_",), 100_000)[:-1] == known
    assert merged.count(INVOCATION, (), 100_000) == len(known) + 2
    assert merged.count(INVOCATION, (), len(known) + 1) == len(known) + 1
    assert sum(number for *_, number in merged.tally()) == len(known) + 2
