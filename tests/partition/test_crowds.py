"""Crowds cost what they are: twice as many cost twice as much, and never the square of it."""

from collections.abc import Callable

import pytest
from perdure_runtime.partition.entries.awakeable import find_awakeable
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptSuspended,
    CancelInvocation,
    Command,
    Input,
    Kill,
    SignalInvocation,
    Submit,
)
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.loading import LoadingView
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.memory import Content, Memory
from perdure_runtime.partition.rows import SHARED, Cancel, Ended
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes

from tests.partition.samples import (
    ALICE,
    EMAIL,
    FOREVER,
    ORDER,
    SIGNUP,
    VERIFY,
    WRITER,
    attach,
    await_signal,
    awakeable,
    call,
    cancel_call,
    get_promise,
    outcome,
    sleep,
)
from tests.partition.store import Store

CROWD = 200


class Crowded:
    """A partition that keeps nothing in memory but what runs, and counts what it must read from storage."""

    def __init__(self) -> None:
        self.store = Store()
        self.memory = Memory()
        self.reads = 0

    def apply(self, input: Input) -> Step:
        """One input, which is durable at once."""
        step = apply(LoadingView(self.memory, self._load), input, 0)
        self.memory.absorb(step.writes)
        self.store.write(step.writes)
        self.memory.settle(step.writes, Writes())
        return step

    def costs(self, *inputs: Input) -> int:
        """How often storage is read for these inputs."""
        before = self.reads
        for input in inputs:
            self.apply(input)
        return self.reads - before

    def _load(self, document: Document) -> Content:
        self.reads += 1
        return self.store.load(document)


@pytest.fixture
def crowd() -> Crowded:
    return Crowded()


def _in_line(crowd: Crowded) -> list[str]:
    """One holds a key, and a crowd waits for it."""
    ids = [f"inv_{number:04}" for number in range(CROWD + 1)]
    for id in ids:
        crowd.apply(Submit(id, ALICE, WRITER, b""))
    return ids


def _end(crowd: Crowded, id: str) -> Input:
    return AttemptEnded(id, crowd.store.invocations[id].attempt, outcome(b""), FOREVER)


def test_a_key_is_handed_over_the_places_of_all_who_left_the_line_at_once(crowd: Crowded) -> None:
    first, *others, last = _in_line(crowd)
    for id in others:
        crowd.apply(CancelInvocation(id))

    assert crowd.costs(_end(crowd, first)) < 10
    assert crowd.store.line(ALICE.service, "alice") == [last]
    assert crowd.costs(_end(crowd, last)) < 10


def test_a_key_is_free_once_all_have_left_its_line(crowd: Crowded) -> None:
    first, *others = _in_line(crowd)
    for id in others:
        crowd.apply(CancelInvocation(id))

    assert crowd.costs(_end(crowd, first)) < 10
    assert crowd.store.objects == {}


def _cancel(crowd: Crowded) -> Cancel:
    return crowd.store.invocations["inv_a"].cancel


def _parked_callees(crowd: Crowded) -> list[str]:
    """inv_a waits for a crowd that it has called; each of them sleeps."""
    crowd.apply(Submit("inv_a", ORDER, SHARED, b""))
    for command in range(CROWD):
        crowd.apply(Command("inv_a", 1, command, call(EMAIL)))
    callees = [id for id in crowd.store.invocations if id != "inv_a"]
    for callee in callees:
        crowd.apply(Command(callee, 1, 0, sleep(10_000)))
        crowd.apply(AttemptSuspended(callee, 1, (0,)))
    crowd.apply(AttemptSuspended("inv_a", 1, tuple(range(CROWD))))
    return callees


@pytest.mark.parametrize("stop", [CancelInvocation, Kill])
def test_stopping_what_has_called_a_crowd_reads_each_of_it_once(crowd: Crowded, stop: Callable[[str], Input]) -> None:
    _parked_callees(crowd)

    assert crowd.costs(stop("inv_a")) <= 4 * (CROWD + 1)


def test_the_end_of_one_of_a_crowd_of_cancelled_callees_looks_at_no_other(crowd: Crowded) -> None:
    *callees, last = _parked_callees(crowd)
    crowd.apply(CancelInvocation("inv_a"))

    assert max(crowd.costs(_end(crowd, callee)) for callee in callees) < 10
    assert _cancel(crowd) is Cancel.CALLEES
    assert crowd.costs(_end(crowd, last)) <= CROWD + 10
    assert _cancel(crowd) is Cancel.JOURNALED


@pytest.fixture
def appended(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with each entry that a journal in memory takes in."""
    entries: list[None] = []
    append = Journal.append

    def count(journal: Journal, entry: object) -> None:
        entries.append(None)
        append(journal, entry)  # type: ignore[arg-type]  # it is what the caller gave

    monkeypatch.setattr(Journal, "append", count)
    return entries


def test_a_handler_that_awaits_a_crowd_of_signals_never_reads_its_journal_again(
    crowd: Crowded, appended: list[None]
) -> None:
    crowd.apply(Submit("inv_a", ORDER, SHARED, b""))
    for command in range(CROWD):
        crowd.apply(SignalInvocation("inv_a", "go", outcome(b"")))
        crowd.apply(Command("inv_a", 1, command, await_signal("go")))

    # A signal, its wait, and the completion.
    assert len(appended) == 3 * CROWD


def test_a_handler_that_cancels_a_crowd_of_its_calls_never_reads_its_journal_again(
    crowd: Crowded, appended: list[None]
) -> None:
    crowd.apply(Submit("inv_a", ORDER, SHARED, b""))
    for command in range(0, 2 * CROWD, 2):
        crowd.apply(Command("inv_a", 1, command, call(EMAIL)))
        crowd.apply(Command("inv_a", 1, command + 1, cancel_call(command)))

    # A call, the command that cancels it, its completion, and the callee's cancellation.
    assert len(appended) == 4 * CROWD


def test_those_who_have_ended_do_not_wait_for_a_promise_any_more(crowd: Crowded) -> None:
    for number in range(CROWD):
        id = f"inv_{number:04}"
        crowd.apply(Submit(id, VERIFY, SHARED, b""))
        crowd.apply(Command(id, 1, 0, get_promise("paid")))
        crowd.apply(_end(crowd, id))

    assert len(crowd.store.promises(VERIFY.service, VERIFY.key)["paid"].waiting) <= 16


def test_those_who_have_ended_do_not_wait_for_the_end_of_another_one_any_more(crowd: Crowded) -> None:
    crowd.apply(Submit("inv_a", SIGNUP, WRITER, b""))
    for number in range(CROWD):
        id = f"inv_{number:04}"
        crowd.apply(Submit(id, ORDER, SHARED, b""))
        crowd.apply(Command(id, 1, 0, attach("inv_a")))
        crowd.apply(_end(crowd, id))

    assert len(crowd.store.listeners("inv_a")) <= 16


def test_a_crowd_that_waits_is_looked_through_ever_more_rarely(crowd: Crowded) -> None:
    for number in range(CROWD):
        id = f"inv_{number:04}"
        crowd.apply(Submit(id, VERIFY, SHARED, b""))
        crowd.apply(Command(id, 1, 0, get_promise("paid")))
        crowd.apply(AttemptSuspended(id, 1, (0,)))

    assert len(crowd.store.promises(VERIFY.service, VERIFY.key)["paid"].waiting) == CROWD
    assert crowd.reads <= 10 * CROWD


def test_a_crowd_that_ends_in_one_step_is_counted_down_to_its_caller(crowd: Crowded) -> None:
    """Callees in line end at once when their caller is cancelled, and it is told in the same step."""
    crowd.apply(Submit("inv_other", ALICE, WRITER, b""))
    crowd.apply(Submit("inv_a", ORDER, SHARED, b""))
    for command in range(CROWD):
        crowd.apply(Command("inv_a", 1, command, call(ALICE), WRITER))

    assert crowd.costs(CancelInvocation("inv_a")) <= 4 * (CROWD + 1)
    ended = [row for row in crowd.store.invocations.values() if isinstance(row.status, Ended)]
    assert len(ended) == CROWD
    assert _cancel(crowd) is Cancel.JOURNALED


def test_an_awakeable_is_found_without_a_look_through_the_journal() -> None:
    journal = Journal(awakeable(f"awk_{number}") for number in range(CROWD))
    journal.entries.clear()

    assert find_awakeable(journal, "awk_7") == (7, awakeable("awk_7").awakeable)
    assert find_awakeable(journal, "awk_x") is None
