"""The memory fake answers as each database does after any history of batches."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from perdure_protos.perdure.peer.v1.message_pb2 import Message, Result
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    Completion,
    Entry,
    Failure,
    Outcome,
    RunCommand,
    SetStateCommand,
)
from perdure_runtime.partition.rows import (
    LAST_MS,
    BackingOff,
    Caller,
    Cancel,
    Channel,
    Ended,
    IdempotencyKey,
    Invocation,
    Mode,
    ObjectRow,
    Paused,
    PromiseRow,
    Queued,
    RetryDue,
    Running,
    Scheduled,
    StartDue,
    Status,
    Suspended,
    Target,
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
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.memory import MemoryStorage
from perdure_runtime.storage.views import PARTITION, VIEWS

from tests.storage.homes import Home, PostgresHome, SqliteHome, copy_database
from tests.storage.samples import save

# Few names, so that histories meet; among them what SQL could trip over.
IDS = ("inv_1", "inv_2", "inv_3", "inv_\x00'")
SERVICES = ("s", "S\u00fc\U0001f600")
KEYS = ("", "k", 'k"\x00x')
NAMES = ("a", "")
ids, services, keys, names = map(st.sampled_from, (IDS, SERVICES, KEYS, NAMES))
times = st.integers(0, 4) | st.just(LAST_MS)
text = st.text(st.characters(codec="utf-8"), max_size=8)
payloads = st.binary(max_size=6) | st.just(bytes(3_000))
targets = st.builds(Target, services, st.just("Handle"), keys)
callers = st.builds(Caller, ids, st.integers(0, 2))
outcomes = st.builds(lambda value: Outcome(value=value), payloads) | st.builds(
    lambda code, message: Outcome(failure=Failure(code=code, message=message)), st.integers(1, 16), text
)
statuses: st.SearchStrategy[Status] = st.one_of(
    st.builds(Ended, outcomes, times, times, times),
    st.builds(Ended, outcomes, times, st.just(1), st.integers(2, 4), st.just(True)),
    st.just(Running()),
    st.builds(Queued, st.integers(0, 3)),
    st.builds(Suspended, st.lists(st.integers(0, 5), max_size=3).map(tuple)),
    st.builds(Scheduled, times),
    st.builds(BackingOff, times),
    st.just(Paused()),
)
invocations = st.builds(
    Invocation,
    id=st.just(""),
    target=targets,
    mode=st.builds(Mode, st.booleans(), st.booleans(), st.booleans()),
    input=payloads,
    headers=st.lists(st.tuples(text, text), max_size=2).map(tuple),
    idempotency_key=text,
    caller=st.none() | callers,
    created_at_ms=times,
    status=statuses,
    attempt=st.integers(0, 3),
    failures=st.integers(0, 3),
    last_error=text,
    cancel=st.sampled_from(Cancel),
)
entries = st.one_of(
    st.builds(lambda name: Entry(run=RunCommand(name=name)), text),
    st.builds(lambda name, value: Entry(set_state=SetStateCommand(name=name, value=value)), text, payloads),
    st.builds(lambda value: Entry(completion=Completion(command=1, value=value)), payloads),
)
timers = st.builds(
    Timer,
    times,
    ids,
    st.just(StartDue()) | st.builds(WakeDue, st.integers(0, 2)) | st.builds(RetryDue, st.integers(0, 2)),
)
promises = st.builds(PromiseRow, outcomes) | st.builds(PromiseRow, st.none(), st.lists(callers, max_size=3).map(tuple))
channels = st.builds(Channel, times, times)
messages = st.builds(lambda outcome: Message(result=Result(outcome=outcome)), outcomes)
idempotency_keys = st.builds(IdempotencyKey, targets, names)

DOCUMENTS: list[Document] = [
    *(kind(id) for id in IDS for kind in (InvocationDocument, JournalDocument, ListenersDocument, HeldDocument)),
    *(ChannelDocument(0, other) for other in range(3)),
    *(ReceivedDocument(other, 0) for other in range(3)),
    *(MarkDocument(0, source) for source in NAMES),
    *(
        kind(service, key)
        for service in SERVICES
        for key in KEYS
        for kind in (ObjectDocument, PromisesDocument, StateDocument)
    ),
    *(InboxDocument(service, key, seq) for service in SERVICES for key in KEYS for seq in range(3)),
    *(
        IdempotencyDocument(IdempotencyKey(Target(service, "Handle", key), name))
        for service in SERVICES
        for key in KEYS
        for name in NAMES
    ),
]


class Histories(RuleBasedStateMachine):
    """Steps fold into a batch; both storages commit it, lose it, or refuse it."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self.disk = home.open()
        self.memory = MemoryStorage()
        self.batch = Writes()
        # As the next batch finds them: invocations that are there, and how long their journals are.
        self.known: set[str] = set()
        self.journals: dict[str, int] = {}
        self.closed: set[str] = set()
        self.committed = (frozenset[str](), dict[str, int](), frozenset[str]())

    def teardown(self) -> None:
        self.disk.close()

    @initialize()
    def acquire(self) -> None:
        assert self.disk.acquire() == self.memory.acquire()

    @rule(id=ids, row=invocations)
    def insert_or_change(self, id: str, row: Invocation) -> None:
        if id in self.batch.purged:
            return
        step = Writes()
        stored = self.batch.invocations.get(id) or self.memory.load(InvocationDocument(id))
        if isinstance(stored, Invocation):
            # What an invocation was made of never changes.
            row = replace(stored, status=row.status, attempt=row.attempt, failures=row.failures, cancel=row.cancel)
        else:
            step.inserted.add(id)
        step.invocations[id] = replace(row, id=id)
        self.known.add(id)
        self.batch.merge(step)

    @rule(id=ids, added=st.lists(entries, min_size=1, max_size=3))
    def journal(self, id: str, added: list[Entry]) -> None:
        if id in self.known and id not in self.closed:
            length = self.journals.get(id, 0)
            self.journals[id] = length + len(added)
            self.batch.merge(Writes(journal={(id, length + n): entry for n, entry in enumerate(added)}))

    @rule(id=ids)
    def purge(self, id: str) -> None:
        if id in self.known:
            self.known.discard(id)
            self.closed.discard(id)
            self.journals.pop(id, None)
            self.batch.merge(Writes(purged={id}))

    @rule(id=ids)
    def forget_journal(self, id: str) -> None:
        # Only ended invocations lose their journals, and nothing is ever added to those.
        if id in self.known and id not in self.closed:
            self.closed.add(id)
            self.batch.merge(Writes(forgotten={id}))

    @rule(id=ids, caller=callers, waits=st.booleans())
    def listen(self, id: str, caller: Caller, waits: bool) -> None:
        self.batch.merge(Writes(listeners={(id, caller): waits}))

    @rule(service=services, key=keys, row=st.none() | st.builds(ObjectRow, ids, times, times))
    def lock(self, service: str, key: str, row: ObjectRow | None) -> None:
        self.batch.merge(Writes(objects={(service, key): row}))

    @rule(service=services, key=keys, seq=st.integers(0, 2), id=st.none() | ids)
    def queue(self, service: str, key: str, seq: int, id: str | None) -> None:
        self.batch.merge(Writes(inbox={(service, key, seq): id}))

    @rule(service=services, key=keys, name=names, value=st.none() | payloads)
    def set_state(self, service: str, key: str, name: str, value: bytes | None) -> None:
        self.batch.merge(Writes(state={(service, key, name): value}))

    @rule(service=services, key=keys, name=names, row=st.none() | promises)
    def promise(self, service: str, key: str, name: str, row: PromiseRow | None) -> None:
        self.batch.merge(Writes(promises={(service, key, name): row}))

    @rule(key=idempotency_keys, id=st.none() | ids)
    def name(self, key: IdempotencyKey, id: str | None) -> None:
        self.batch.merge(Writes(idempotency={key: id}))

    @rule(id=ids, command=st.integers(0, 2), outcome=st.none() | outcomes)
    def hold(self, id: str, command: int, outcome: Outcome | None) -> None:
        self.batch.merge(Writes(held={(id, command): outcome}))

    @rule(to=st.integers(0, 2), seq=st.integers(1, 3), sent=st.none() | messages, channel=channels)
    def send(self, to: int, seq: int, sent: Message | None, channel: Channel) -> None:
        self.batch.merge(Writes(channels={(0, to): channel}, outbox={(0, to, seq): sent}))

    @rule(source=st.integers(0, 2), seq=st.integers(0, 3))
    def receive(self, source: int, seq: int) -> None:
        self.batch.merge(Writes(received={(source, 0): seq}))

    @rule(source=names, position=times)
    def mark(self, source: str, position: int) -> None:
        self.batch.merge(Writes(marks={(0, source): position}))

    @rule(timer=timers, on=st.booleans())
    def set_timer(self, timer: Timer, on: bool) -> None:
        self.batch.merge(Writes(timers={timer: on}))

    @rule()
    def commit(self) -> None:
        for storage in (self.disk, self.memory):
            save(storage, self.batch)
        self.committed = (frozenset(self.known), dict(self.journals), frozenset(self.closed))
        self.batch = Writes()

    @rule(id=ids, row=invocations)
    def contradict(self, id: str, row: Invocation) -> None:
        """The batch so far, and in it an insert of what is there or a change of what is not."""
        wrong = Writes()
        wrong.merge(self.batch)
        wrong.invocations[id] = replace(row, id=id)
        if id in self.committed[0]:
            wrong.inserted.add(id)
        else:
            wrong.inserted.discard(id)
        for storage in (self.disk, self.memory):
            with pytest.raises(StorageFailure):
                save(storage, wrong)
        self.lose()

    @rule(stage=st.booleans())
    def crash(self, stage: bool) -> None:
        if stage:
            self.disk.stage(self.batch)
            self.memory.stage(self.batch)
        self.disk.close()
        self.disk = self.home.open()
        self.memory = self.memory.reopen()
        assert self.disk.acquire() == self.memory.acquire()
        self.lose()

    def lose(self) -> None:
        self.known, self.journals = set(self.committed[0]), dict(self.committed[1])
        self.closed = set(self.committed[2])
        self.batch = Writes()

    @precondition(lambda self: not self.batch)
    @invariant()
    def alike(self) -> None:
        for document in DOCUMENTS:
            assert self.disk.load(document) == self.memory.load(document), document
        assert self.disk.outbox([0]) == self.memory.outbox([0])
        for after in ("", "inv_1"):
            for limit in (1, 10):
                assert self.disk.active([0], after, limit) == self.memory.active([0], after, limit)
        for span in ((0, LAST_MS + 1, None), (1, 3, 2), (2, LAST_MS, None)):
            assert self.disk.timers(*span) == self.memory.timers(*span)
        for now_ms in (2, LAST_MS):
            for limit in (1, 10):
                assert self.disk.expired(now_ms, limit) == self.memory.expired(now_ms, limit)
        for view in VIEWS.values():
            if view is not PARTITION:
                assert self.disk.scan(view) == self.memory.scan(view), view.name
        assert self.disk.tally() == self.memory.tally()


def look_into(homes: Callable[[], Home], examples: int) -> None:
    """Runs histories, each in a home of its own."""

    class Here(Histories):
        def __init__(self) -> None:
            super().__init__(homes())

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            # The disk is shared with whatever else this machine does.
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_memory_answers_as_sqlite_does(tmp_path: Path) -> None:
    look_into(lambda: SqliteHome(Path(tempfile.mkdtemp(dir=tmp_path))), 60)


def test_memory_answers_as_postgres_does(template: str) -> None:
    look_into(lambda: PostgresHome(copy_database(template)), 25)
