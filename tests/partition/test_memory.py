"""Memory is for what runs: all else goes once it is durable, and comes back from storage as it was."""

import pytest
from perdure_runtime.partition.input import Input, Purge, Resume, TimerDue
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import ObjectRow, Target
from perdure_runtime.partition.view import (
    Document,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    NotLoaded,
    ObjectDocument,
    PromisesDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import (
    ALICE,
    EMAIL,
    FOREVER,
    SIGNUP,
    WRITER,
    call,
    complete_promise,
    completed,
    peek_promise,
    set_state,
    sleep,
)


def _commit(room: Room, writes: Writes, dirty: Writes | None = None) -> None:
    """What the loop does once writes are durable; the room's store has them already."""
    room.memory.settle(writes, dirty or Writes())


def _knows(memory: Memory, document: Document) -> bool:
    """Whether memory can answer for a document by itself."""
    try:
        match document:
            case InvocationDocument(id):
                memory.invocation(id)
            case JournalDocument(id):
                memory.journal(id)
            case ListenersDocument(id):
                memory.listeners(id)
            case ObjectDocument(service, key):
                memory.object(service, key)
            case PromisesDocument(service, key):
                memory.promises(service, key)
            case StateDocument(service, key):
                memory.state(service, key)
            case IdempotencyDocument(key):
                memory.idempotent(key)
            case _:
                raise AssertionError(f"nobody asks for {document}")
    except NotLoaded:
        return False
    return True


def _remembers(room: Room, id: str) -> bool:
    return any(_knows(room.memory, kind(id)) for kind in (InvocationDocument, JournalDocument, ListenersDocument))


def test_what_runs_stays(room: Room) -> None:
    _commit(room, room.submit("inv_a").writes)

    assert _knows(room.memory, InvocationDocument("inv_a"))
    assert _knows(room.memory, JournalDocument("inv_a"))


def test_what_waits_goes_once_it_is_durable(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    _commit(room, room.suspend("inv_a", 0).writes)

    assert not _remembers(room, "inv_a")


def test_what_waits_stays_while_something_of_it_is_not_durable(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, call(EMAIL))
    room.command("inv_a", 1, sleep(1_000))
    (callee,) = room.store.invocations.keys() - {"inv_a"}
    parked = room.suspend("inv_a", 1).writes
    result = room.end(callee).writes
    _commit(room, parked, dirty=result)
    assert _knows(room.memory, JournalDocument("inv_a"))

    _commit(room, result)
    assert not _remembers(room, "inv_a")
    assert not _remembers(room, callee)


def test_a_result_that_wakes_nobody_leaves_nothing_behind(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, sleep(5_000))
    _commit(room, room.suspend("inv_a", 1).writes)
    _commit(room, room.fire(min(room.store.timers, key=lambda timer: timer.due_ms)).writes)

    assert not _remembers(room, "inv_a")


@pytest.mark.parametrize("late", [Resume("inv_a"), Purge("inv_a"), Resume("inv_x")], ids=str)
def test_what_was_only_looked_at_goes_with_the_next_commit(room: Room, late: Input) -> None:
    room.submit("inv_a")
    _commit(room, room.end("inv_a").writes)
    room.apply(late)
    _commit(room, Writes())

    assert not _remembers(room, "inv_a")
    assert not _remembers(room, "inv_x")


def test_a_timer_of_an_ended_invocation_leaves_nothing_behind(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    _commit(room, room.end("inv_a").writes)
    _commit(room, room.apply(TimerDue(room.timer())).writes)

    assert not _remembers(room, "inv_a")


def test_what_was_looked_at_and_is_written_since_stays(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    _commit(room, room.suspend("inv_a", 0).writes)
    dirty = room.fire(room.timer()).writes
    _commit(room, Writes(), dirty)

    assert _knows(room.memory, InvocationDocument("inv_a"))


def test_a_call_that_its_key_made_another_one_leaves_nothing_behind(room: Room) -> None:
    _commit(room, room.submit("inv_a", idempotency_key="k").writes)
    key = next(iter(room.store.keys))
    assert not _knows(room.memory, IdempotencyDocument(key)), "it is durable"

    room.memory.know_new("inv_b")
    assert _knows(room.memory, InvocationDocument("inv_b"))
    room.submit("inv_b", idempotency_key="k")
    room.memory.visit("inv_b")
    _commit(room, Writes())
    assert not _knows(room.memory, InvocationDocument("inv_b"))
    assert not _knows(room.memory, IdempotencyDocument(key))


def test_a_key_that_is_not_durable_stays(room: Room) -> None:
    _commit(room, Writes(), dirty=room.submit("inv_a", idempotency_key="k").writes)

    assert _knows(room.memory, IdempotencyDocument(next(iter(room.store.keys))))


def test_a_forgotten_invocation_leaves_nothing_behind(room: Room) -> None:
    room.submit("inv_a")
    room.end("inv_a")
    room.now_ms = NOW_MS + FOREVER.outcome_retention_ms
    purged = room.purge("inv_a").writes
    _commit(room, Writes(), dirty=purged)
    assert room.memory.invocation("inv_a") is None, "storage still has it"

    _commit(room, purged)
    assert not _remembers(room, "inv_a")


def _asks_for_place(room: Room) -> int:
    """From where on storage must say who is the next in line."""
    with pytest.raises(NotLoaded) as missing:
        room.memory.inbox(ALICE.service, "alice", 0)
    assert isinstance(missing.value.document, InboxDocument)
    return missing.value.document.seq


def test_a_place_in_line_goes_once_it_is_durable_and_not_taken_again(room: Room) -> None:
    room.submit("inv_a", ALICE, mode=WRITER)
    first = room.submit("inv_b", ALICE, mode=WRITER).writes
    _commit(room, first, dirty=room.end("inv_a").writes)
    assert _asks_for_place(room) == 1, "storage still has the first"

    _commit(room, Writes(inbox={(ALICE.service, "alice", 0): None}))
    assert _asks_for_place(room) == 0


def _account(key: str) -> Target:
    return Target(ALICE.service, ALICE.handler, key)


def test_of_many_keys_those_stay_that_run_or_are_written(room: Room) -> None:
    room.memory = Memory(most_idle_objects=3)
    for key in ("idle", "parked", "written", "runs"):
        id = f"inv_{key}"
        room.submit(id, _account(key), mode=WRITER)
        room.command(id, 0, set_state("balance", b"1"))
    room.end("inv_idle")
    room.command("inv_parked", 1, sleep(1_000))
    durable = room.suspend("inv_parked", 1).writes
    _commit(room, durable, dirty=room.end("inv_written").writes)

    def stays(key: str) -> tuple[bool, bool]:
        place = (ALICE.service, key)
        return _knows(room.memory, ObjectDocument(*place)), _knows(room.memory, StateDocument(*place))

    assert {key: stays(key) for key in ("idle", "parked", "written", "runs")} == {
        "idle": (False, False),
        "parked": (False, False),
        "written": (True, True),
        "runs": (True, True),
    }


def test_a_state_that_is_not_durable_stays_though_its_key_is_free(room: Room) -> None:
    room.memory = Memory(most_idle_objects=0)
    room.submit("inv_a", ALICE, mode=WRITER)
    dirty = room.command("inv_a", 0, set_state("balance", b"1")).writes
    _commit(room, room.end("inv_a").writes, dirty)

    assert room.memory.state(ALICE.service, "alice") == {"balance": b"1"}


def test_memory_takes_only_the_content_of_the_document_that_it_asked_for(room: Room) -> None:
    with pytest.raises(TypeError, match=r"ObjectRow.* is not the content of InvocationDocument"):
        room.memory.load(InvocationDocument("inv_a"), ObjectRow("inv_a", 0, 0))


def test_what_went_comes_back_from_storage(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.submit("inv_a", ALICE, mode=WRITER)
    room.command("inv_a", 0, call(EMAIL, idempotency_key="k"))
    room.submit("inv_b", ALICE, mode=WRITER)
    room.memory = Memory()

    room.end("inv_first", b"sent")
    room.end("inv_a")
    assert room.journal("inv_a")[-1] == completed(0, NOW_MS, b"sent")
    assert room.store.line(ALICE.service, "alice") == ["inv_b"]


def test_an_empty_place_in_line_that_was_only_looked_at_goes_with_the_next_commit(room: Room) -> None:
    for id in ("inv_a", "inv_b", "inv_c"):
        room.submit(id, ALICE, mode=WRITER)
    room.cancel("inv_b")
    room.memory = Memory()
    _commit(room, room.end("inv_a").writes)

    assert _asks_for_place(room) == 0


def test_promises_go_once_they_are_durable(room: Room) -> None:
    room.run("inv_run")
    place = PromisesDocument(SIGNUP.service, "ada")
    dirty = room.command("inv_run", 0, complete_promise("paid")).writes
    _commit(room, Writes(), dirty)
    assert _knows(room.memory, place), "storage does not have them yet"

    _commit(room, dirty)
    assert not _knows(room.memory, place)


def test_promises_that_were_only_looked_at_go_with_the_next_commit(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, peek_promise("paid"))
    _commit(room, Writes())

    assert not _knows(room.memory, PromisesDocument(SIGNUP.service, "ada"))


def test_a_forgotten_journal_leaves_nothing_behind(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.end("inv_a", execution=Execution(journal_retention_ms=1_000))
    room.now_ms = NOW_MS + 1_000
    forgotten = room.purge("inv_a").writes
    _commit(room, Writes(), dirty=forgotten)
    assert len(room.memory.journal("inv_a")) == 0, "storage still has it"

    _commit(room, forgotten)
    assert not _remembers(room, "inv_a")


def test_memory_counts_the_invocations_that_it_has(room: Room) -> None:
    room.submit("inv_a")
    assert room.memory.invocations == 1

    _commit(room, room.end("inv_a").writes)
    assert room.memory.invocations == 0
