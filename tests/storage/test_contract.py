"""What every adapter of the storage port does."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.rows import (
    LAST_MS,
    Caller,
    Cancel,
    Ended,
    IdempotencyKey,
    Invocation,
    Mode,
    ObjectRow,
    Place,
    PromiseRow,
    RetryDue,
    StartDue,
    Status,
    Suspended,
    Timer,
    WakeDue,
)
from perdure_runtime.partition.view import (
    ChannelDocument,
    Document,
    HeldDocument,
    IdempotencyDocument,
    InboxDocument,
    InvocationDocument,
    JournalDocument,
    ListenersDocument,
    MarkDocument,
    ObjectDocument,
    PromisesDocument,
    ReceivedDocument,
    StateDocument,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Database, DeploymentRow, StaleEpoch, StorageFailure, StorageInUse
from perdure_runtime.storage.views import MARK

from tests.storage.homes import Home
from tests.storage.samples import (
    STATUSES,
    TARGET,
    bare,
    changing,
    ended,
    entries,
    inserting,
    invocation,
    save,
)

NAME = IdempotencyKey(TARGET, "o-1")
EMPTY: list[tuple[Document, object]] = [
    (InvocationDocument("inv_1"), None),
    (JournalDocument("inv_1"), []),
    (ListenersDocument("inv_1"), ()),
    (ObjectDocument("s", "k"), None),
    (InboxDocument("s", "k", 0), None),
    (StateDocument("s", "k"), {}),
    (IdempotencyDocument(NAME), None),
    (PromisesDocument("s", "k"), {}),
    (ChannelDocument(0, 0), None),
    (ReceivedDocument(0, 0), None),
    (HeldDocument("inv_1"), {}),
    (MarkDocument(0, "topic/1"), None),
]


@pytest.mark.parametrize(("document", "content"), EMPTY)
def test_a_document_without_rows_is_empty(storage: Database, document: Document, content: object) -> None:
    assert storage.load(document) == content
    # Memory takes it.
    Memory().load(document, storage.load(document))


@pytest.mark.parametrize("status", STATUSES)
def test_an_invocation_comes_back_as_it_was(home: Home, storage: Database, status: Status) -> None:
    rows = [replace(make(f"inv_{n}"), status=status) for n, make in enumerate((invocation, bare))]
    save(storage, inserting(*rows))
    storage.close()
    storage = home.open()
    storage.acquire()
    assert [storage.load(InvocationDocument(row.id)) for row in rows] == rows
    storage.close()


@pytest.mark.parametrize("status", STATUSES)
def test_a_change_of_an_invocation_is_kept(storage: Database, status: Status) -> None:
    save(storage, inserting(invocation("inv_1"), invocation("inv_2")))
    changed = replace(invocation("inv_1"), status=status, attempt=4, failures=0, last_error="")
    save(storage, changing(changed))
    assert storage.load(InvocationDocument("inv_1")) == changed
    assert storage.load(InvocationDocument("inv_2")) == invocation("inv_2")


@pytest.mark.parametrize("size", [0, 1, 512, 513, 100_000])
def test_an_input_of_any_length_outlives_changes_and_goes_with_a_purge(storage: Database, size: int) -> None:
    row = invocation("inv_1", input=b"i" * size)
    save(storage, inserting(row))
    over = replace(row, status=Ended(Outcome(value=b"v"), 1, 2, 3))
    save(storage, changing(over))
    assert storage.load(InvocationDocument("inv_1")) == over
    save(storage, Writes(purged={"inv_1"}))
    assert storage.load(InvocationDocument("inv_1")) is None
    save(storage, inserting(over))
    assert storage.load(InvocationDocument("inv_1")) == over


@pytest.mark.parametrize("mode", [Mode(*flags) for flags in product((False, True), repeat=3)])
def test_the_mode_of_an_invocation_comes_back_as_it_was(storage: Database, mode: Mode) -> None:
    row = replace(bare("inv_1"), mode=mode)
    save(storage, inserting(row))
    assert storage.load(InvocationDocument("inv_1")) == row


@pytest.mark.parametrize("cancel", Cancel)
def test_how_far_a_cancellation_has_come_is_kept(storage: Database, cancel: Cancel) -> None:
    save(storage, inserting(bare("inv_1"), replace(bare("inv_2"), cancel=cancel)))
    save(storage, changing(replace(bare("inv_1"), cancel=cancel)))
    for id in ("inv_1", "inv_2"):
        row = storage.load(InvocationDocument(id))
        assert isinstance(row, Invocation)
        assert row.cancel is cancel


def test_a_journal_comes_back_in_order(storage: Database) -> None:
    journal = entries(300)
    new = inserting(invocation("inv_1"), invocation("inv_2"))
    new.journal = {("inv_1", position): journal[position] for position in (2, 0, 1)} | {("inv_2", 0): journal[7]}
    save(storage, new)
    save(storage, Writes(journal={("inv_1", position): journal[position] for position in range(3, 300)}))
    assert storage.load(JournalDocument("inv_1")) == journal
    assert storage.load(JournalDocument("inv_2")) == [journal[7]]


def test_rows_of_a_key_are_replaced_and_deleted(storage: Database) -> None:
    def batch(holder: str | None, place: str | None, value: bytes | None, named: str | None) -> Writes:
        return Writes(
            objects={("s", "k"): ObjectRow(holder, 1, 2) if holder else None},
            inbox={("s", "k", 1): place, ("s", "k", 2): "inv_z"},
            state={("s", "k", "balance"): value, ("s", "k", "name"): b"", ("s", "other", "balance"): b"9"},
            idempotency={NAME: named, IdempotencyKey(replace(TARGET, key="bob"), "o-1"): "inv_z"},
        )

    def stored() -> list[object]:
        documents: list[Document] = [ObjectDocument("s", "k"), InboxDocument("s", "k", 1), IdempotencyDocument(NAME)]
        return [*(storage.load(document) for document in documents), storage.load(StateDocument("s", "k"))]

    save(storage, batch("inv_1", "inv_2", b"1", "inv_1"))
    assert stored() == [ObjectRow("inv_1", 1, 2), Place(1, "inv_2"), "inv_1", {"balance": b"1", "name": b""}]
    save(storage, batch("inv_3", "inv_4", b"2", "inv_5"))
    assert stored() == [ObjectRow("inv_3", 1, 2), Place(1, "inv_4"), "inv_5", {"balance": b"2", "name": b""}]
    save(storage, batch(None, None, None, None))
    save(storage, batch(None, None, None, None))
    assert stored() == [None, Place(2, "inv_z"), None, {"name": b""}]
    assert storage.load(StateDocument("s", "other")) == {"balance": b"9"}


def test_a_line_is_read_from_a_place_to_the_first_that_is_taken(storage: Database) -> None:
    places = {("s", "k", 3): "inv_3", ("s", "k", 7): "inv_7", ("s", "other", 1): "inv_1"}
    save(storage, Writes(inbox=dict(places)))
    assert storage.load(InboxDocument("s", "k", 0)) == Place(3, "inv_3")
    assert storage.load(InboxDocument("s", "k", 3)) == Place(3, "inv_3")
    assert storage.load(InboxDocument("s", "k", 4)) == Place(7, "inv_7")
    assert storage.load(InboxDocument("s", "k", 8)) is None


def test_listeners_come_and_go(storage: Database) -> None:
    first, second = Caller("inv_a", 1), Caller("inv_a", 0)
    save(storage, Writes(listeners={("inv_1", first): True, ("inv_1", second): True, ("inv_2", first): True}))
    save(storage, Writes(listeners={("inv_1", first): True}))
    assert storage.load(ListenersDocument("inv_1")) == (second, first)
    save(storage, Writes(listeners={("inv_1", first): False}))
    assert storage.load(ListenersDocument("inv_1")) == (second,)
    assert storage.load(ListenersDocument("inv_2")) == (first,)


def test_a_purge_takes_the_journal_along_and_wins_over_the_rest_of_its_batch(storage: Database) -> None:
    new = inserting(ended("inv_1", 5), ended("inv_2", 5))
    new.journal = {("inv_1", 0): entries(1)[0], ("inv_2", 0): entries(1)[0]}
    save(storage, new)
    purge = changing(ended("inv_1", 6))
    purge.journal[("inv_1", 1)] = entries(2)[1]
    purge.listeners[("inv_1", Caller("inv_2", 0))] = True
    purge.purged.add("inv_1")
    save(storage, purge)
    assert storage.load(InvocationDocument("inv_1")) is None
    assert storage.load(JournalDocument("inv_1")) == []
    assert storage.load(ListenersDocument("inv_1")) == ()
    assert storage.expired(10, 10) == ["inv_2"]
    assert storage.load(JournalDocument("inv_2")) == entries(1)


def test_a_journal_is_forgotten_while_its_invocation_stays(storage: Database) -> None:
    new = inserting(ended("inv_1", 5), ended("inv_2", 5))
    new.journal = {("inv_1", 0): entries(1)[0], ("inv_2", 0): entries(1)[0]}
    save(storage, new)
    save(storage, Writes(forgotten={"inv_1", "inv_unknown"}))
    assert storage.load(JournalDocument("inv_1")) == []
    assert storage.load(InvocationDocument("inv_1")) == ended("inv_1", 5)
    assert storage.load(JournalDocument("inv_2")) == entries(1)


def test_a_journal_that_is_forgotten_in_the_batch_that_writes_it_is_gone(storage: Database) -> None:
    new = inserting(ended("inv_1", 5))
    new.journal = {("inv_1", 0): entries(1)[0]}
    new.forgotten.add("inv_1")
    save(storage, new)
    assert storage.load(JournalDocument("inv_1")) == []


def test_promises_come_and_go(home: Home, storage: Database) -> None:
    waiting = PromiseRow(waiting=(Caller("inv_b", 3), Caller("inv_a", 0)))
    done, failed = PromiseRow(Outcome(value=b"")), PromiseRow(Outcome(failure=Failure(code=9, message="no")))
    save(storage, Writes(promises={("s", "k", "a"): waiting, ("s", "k", "b"): done, ("s", "other", "a"): failed}))
    assert storage.load(PromisesDocument("s", "k")) == {"a": waiting, "b": done}
    save(storage, Writes(promises={("s", "k", "a"): failed, ("s", "k", "b"): None, ("s", "k", "c"): None}))
    storage.close()
    storage = home.open()
    storage.acquire()
    assert storage.load(PromisesDocument("s", "k")) == {"a": failed}
    assert storage.load(PromisesDocument("s", "other")) == {"a": failed}
    storage.close()


def test_only_what_was_committed_is_seen_and_outlives_the_process(home: Home, storage: Database) -> None:
    save(storage, inserting(invocation("inv_1")))
    storage.stage(inserting(invocation("inv_2")))
    assert storage.load(InvocationDocument("inv_2")) is None
    storage.close()
    storage = home.open()
    storage.acquire()
    assert storage.load(InvocationDocument("inv_1")) == invocation("inv_1")
    assert storage.load(InvocationDocument("inv_2")) is None
    storage.close()


def test_a_staged_batch_no_longer_follows_its_maker(storage: Database) -> None:
    writes = Writes(state={("s", "k", "a"): b"1"}, journal={("inv_1", 0): entries(1)[0]})
    storage.stage(writes)
    writes.state["s", "k", "a"] = b"2"
    storage.commit()
    writes.journal["inv_1", 0].run.name = "another"
    assert storage.load(StateDocument("s", "k")) == {"a": b"1"}
    assert storage.load(JournalDocument("inv_1")) == entries(1)


def test_a_commit_runs_in_another_thread_while_rows_are_read(storage: Database) -> None:
    with ThreadPoolExecutor(1) as thread:
        for n in range(50):
            storage.stage(inserting(invocation(f"inv_{n:02}")))
            committing = thread.submit(storage.commit)
            while not committing.done():
                rows = storage.active([0], "", 100)
                assert n <= len(rows) <= n + 1
            committing.result()
            assert len(storage.active([0], "", 100)) == n + 1


def test_active_gives_only_running_invocations_in_pages(storage: Database) -> None:
    save(storage, inserting(*(replace(bare(f"inv_{n:02}"), status=status) for n, status in enumerate(STATUSES))))
    running = [bare(f"inv_{n}") for n in (5, 2, 9, 1)]
    save(storage, inserting(*running))
    ids = [row.id for row in storage.active([0], "", 100)]
    assert ids == ["inv_02", "inv_1", "inv_2", "inv_5", "inv_9"]
    assert [row.id for row in storage.active([0], "", 2)] == ids[:2]
    assert [row.id for row in storage.active([0], "inv_1", 2)] == ids[2:4]
    assert storage.active([0], "inv_9", 2) == []
    save(storage, changing(replace(running[0], status=Suspended((1,)))))
    assert [row.id for row in storage.active([0], "inv_2", 9)] == ["inv_9"]


def test_timers_come_in_order_of_time_from_a_half_open_span(storage: Database) -> None:
    timers = [
        Timer(10, "inv_a", StartDue()),
        Timer(10, "inv_b", WakeDue(0)),
        Timer(10, "inv_b", WakeDue(3)),
        Timer(11, "inv_a", RetryDue(0)),
        Timer(12, "inv_a", WakeDue(0)),
        Timer(LAST_MS, "inv_a", WakeDue(1)),
    ]
    save(storage, Writes(timers=dict.fromkeys(reversed(timers), True)))
    save(storage, Writes(timers={timers[0]: True}))
    assert storage.timers(0, LAST_MS + 1, None) == timers
    assert storage.timers(0, LAST_MS, None) == timers[:-1]
    assert storage.timers(11, 12, None) == [timers[3]]
    assert storage.timers(0, LAST_MS, 2) == timers[:2]
    assert storage.timers(13, LAST_MS, 2) == []
    save(storage, Writes(timers={timers[1]: False, Timer(99, "inv_c", StartDue()): False}))
    assert storage.timers(10, 11, None) == [timers[0], timers[2]]


def test_expired_gives_ended_invocations_whose_retention_is_over(storage: Database) -> None:
    save(storage, inserting(ended("inv_1", 30), ended("inv_2", 10), ended("inv_3", 20), bare("inv_4")))
    assert storage.expired(9, 10) == []
    assert storage.expired(20, 10) == ["inv_2", "inv_3"]
    assert storage.expired(100, 2) == ["inv_2", "inv_3"]
    save(storage, Writes(purged={"inv_2"}))
    assert storage.expired(100, 10) == ["inv_3", "inv_1"]


def test_expired_gives_what_has_an_outcome_or_a_journal_to_forget(storage: Database) -> None:
    def row(id: str, outcome_until_ms: int, journal_until_ms: int, *, swept: bool = False) -> Invocation:
        status = Ended(Outcome(value=b"v"), 1, outcome_until_ms, journal_until_ms, swept)
        return replace(invocation(id), status=status)

    save(storage, inserting(row("inv_1", 30, 10), row("inv_2", 20, 40), row("inv_3", 5, 50, swept=True)))
    assert storage.expired(9, 10) == []
    assert storage.expired(30, 10) == ["inv_1", "inv_2"]
    save(storage, changing(row("inv_1", 30, 10, swept=True), row("inv_2", 20, 40, swept=True)))
    assert storage.expired(29, 10) == []
    assert storage.expired(50, 10) == ["inv_1", "inv_2", "inv_3"]


@pytest.mark.parametrize(
    ("wrong", "saying"),
    [
        (inserting(bare("inv_new"), bare("inv_1")), "a batch failed"),
        (changing(bare("inv_1"), bare("inv_missing")), "in"),
        (Writes(journal={("inv_1", 0): entries(1)[0], ("inv_1", 1): entries(2)[1]}), "a batch failed"),
    ],
)
def test_a_batch_that_contradicts_the_rows_is_refused_whole(storage: Database, wrong: Writes, saying: str) -> None:
    new = inserting(invocation("inv_1"))
    new.journal[("inv_1", 0)] = entries(1)[0]
    save(storage, new)
    with pytest.raises(StorageFailure, match=saying) as refused:
        save(storage, wrong)
    assert "please report this" in str(refused.value)
    assert storage.load(InvocationDocument("inv_new")) is None
    assert storage.load(InvocationDocument("inv_1")) == invocation("inv_1")
    assert storage.load(JournalDocument("inv_1")) == entries(1)
    save(storage, inserting(bare("inv_new")))
    assert storage.load(InvocationDocument("inv_new")) == bare("inv_new")


def test_a_commit_that_fails_keeps_nothing_and_later_ones_succeed(home: Home, storage: Database) -> None:
    save(storage, inserting(bare("inv_1")))
    lost = changing(replace(bare("inv_1"), status=Suspended((0,))))
    lost.state["s", "k", "a"] = b"1" * 10_000
    storage.stage(lost)
    with home.failing(), pytest.raises(StorageFailure, match=r"committing a batch failed.*disk"):
        storage.commit()
    assert storage.load(InvocationDocument("inv_1")) == bare("inv_1")
    assert storage.load(StateDocument("s", "k")) == {}
    save(storage, lost)
    assert storage.load(StateDocument("s", "k")) == {"a": b"1" * 10_000}
    storage.close()
    storage = home.open()
    storage.acquire()
    assert storage.active([0], "", 10) == []
    assert storage.load(StateDocument("s", "k")) == {"a": b"1" * 10_000}
    storage.close()


def test_an_epoch_only_rises(home: Home, storage: Database) -> None:
    (first,) = storage.acquire().values()
    assert storage.acquire() == {0: first + 1}
    storage.close()
    storage = home.open()
    assert storage.acquire() == {0: first + 2}
    save(storage, inserting(bare("inv_1")))
    storage.close()


def test_two_nodes_never_share_a_storage_that_has_a_lock(locked_home: Home) -> None:
    storage = locked_home.open()
    storage.acquire()
    with pytest.raises(StorageInUse, match="another node"):
        locked_home.open()
    save(storage, inserting(bare("inv_1")))
    storage.close()
    storage = locked_home.open()
    storage.acquire()
    assert storage.active([0], "", 10) == [bare("inv_1")]
    storage.close()


def test_whoever_lost_the_partition_cannot_write(home: Home, storage: Database) -> None:
    save(storage, inserting(bare("inv_1")))
    home.lose_lock()
    successor = home.open()
    successor.acquire()
    with pytest.raises(StaleEpoch, match="another node has taken the partitions 0"):
        save(storage, inserting(bare("inv_2")))
    save(successor, inserting(bare("inv_3")))
    assert [row.id for row in successor.active([0], "", 10)] == ["inv_1", "inv_3"]
    successor.close()


def test_calls_out_of_order_are_bugs_and_say_so(home: Home, storage: Database) -> None:
    with pytest.raises(RuntimeError, match="commit without stage"):
        storage.commit()
    storage.stage(inserting(bare("inv_1")))
    with pytest.raises(RuntimeError, match="stage after stage"):
        storage.stage(inserting(bare("inv_2")))
    with pytest.raises(RuntimeError, match="acquire after stage"):
        storage.acquire()
    storage.commit()
    assert storage.active([0], "", 10) == [bare("inv_1")]
    storage.close()
    storage = home.open()
    with pytest.raises(RuntimeError, match="acquire or own partitions before"):
        storage.stage(inserting(bare("inv_2")))
    storage.close()


def test_a_closed_storage_says_so(storage: Database) -> None:
    storage.stage(inserting(bare("inv_1")))
    storage.close()
    storage.close()
    uses = [
        storage.acquire,
        lambda: storage.load(InvocationDocument("inv_1")),
        lambda: storage.stage(Writes()),
        storage.commit,
        lambda: storage.active([0], "", 1),
        lambda: storage.outbox([0]),
        lambda: storage.entries("inv_1"),
        lambda: storage.timers(0, 1, 1),
        lambda: storage.expired(0, 1),
        lambda: storage.add_deployment(DeploymentRow("dp_1", "a", (), b"", 1)),
        storage.deployments,
        lambda: storage.definitions("schedule"),
        lambda: storage.define("schedule", "nightly", b""),
        lambda: storage.scan(MARK),
        lambda: storage.count(MARK, (), 1),
        storage.tally,
    ]
    for use in uses:
        with pytest.raises(StorageFailure, match="closed"):
            use()


def test_an_empty_batch_can_be_committed(storage: Database) -> None:
    save(storage, Writes())
    assert storage.active([0], "", 1) == []
