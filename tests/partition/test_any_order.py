"""The laws of the partition, whatever an endpoint says and in whatever order it says it.

The other laws are told with handlers that keep to the protocol; here every input that could be made is made: callers
go to objects directly, shared handlers write, attempts speak out of turn, and a crash takes what was not committed.
"""

from typing import TypeAlias

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure
from perdure_protos.perdure.protocol.v1.journal_pb2 import StepFailure as Failed
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    Input,
    Purge,
    StepEnded,
    StepFailed,
    TimerDue,
)
from perdure_runtime.partition.journal import NOTIFICATIONS, Journal
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import Ended, Invocation, Paused, Running, Target, Timer

from tests.partition.samples import (
    ALICE,
    ALICE_READ,
    BOB,
    EMAIL,
    NOTHING,
    ONCE,
    ONCE_THEN_PAUSE,
    ORDER,
    call,
    clear_state,
    completion,
    failure,
    outcome,
    run,
    send,
    set_state,
    sleep,
)
from tests.partition.witness import Witness, check_repeated, copy_of

# A handler waits only for those after it: what waits in a circle never ends, and should not.
TARGETS = (ORDER, ALICE, BOB, ALICE_READ, EMAIL)
WRITERS = (ALICE, BOB)
SHORT = Execution(RetryPolicy(initial_ms=10), retention_ms=1_000)
FAILURES = [
    (AttemptFailure(message="boom"), SHORT),
    (AttemptFailure(message="boom"), ONCE),
    (AttemptFailure(message="boom"), ONCE_THEN_PAUSE),
    (AttemptFailure(message="busy", retry_after_ms=0), SHORT),
    (AttemptFailure(message="not the same", journal_mismatch=True), SHORT),
]

# What an attempt can say.
Said: TypeAlias = Command | StepEnded | StepFailed | AttemptEnded | AttemptFailed | AttemptSuspended | AttemptLost

targets = st.sampled_from(TARGETS)
keys = st.sampled_from(["", "one"])
delays = st.sampled_from([0, 0, 300])
names = st.sampled_from(["balance", "limit"])
results: st.SearchStrategy[bytes | Failure] = st.sampled_from([b"", b"1", failure("no")])
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(call, targets, idempotency_key=keys),
    st.builds(send, targets, idempotency_key=keys, delay_ms=delays),
    st.builds(sleep, st.sampled_from([0, 100, 10_000])),
    st.builds(run),
    st.builds(set_state, names, st.sampled_from([b"1", b"2"])),
    st.builds(clear_state, names),
)


class AnyOrder(RuleBasedStateMachine):
    """A partition to which anything may happen; ``durable`` is what a crash leaves of it."""

    @initialize()
    def begin(self) -> None:
        self.room = Witness()
        # What has been said by attempts: none of it may ever count twice.
        self.said: list[Said] = []
        self.fired: list[Timer] = []
        self.minted = 0
        self.a_batch_becomes_durable()

    @rule(calls=st.lists(st.tuples(targets, keys, delays), min_size=1, max_size=5))
    def callers_submit(self, calls: list[tuple[Target, str, int]]) -> None:
        for called, key, delay_ms in calls:
            self.minted += 1
            id, exclusive = f"inv_{self.minted}", called in WRITERS
            self.room.submit(id, called, exclusive=exclusive, idempotency_key=key, delay_ms=delay_ms)

    @precondition(lambda self: self._running())
    @rule(data=st.data(), asked=st.lists(entries, min_size=1, max_size=8))
    def handlers_ask(self, data: st.DataObject, asked: list[Entry]) -> None:
        for entry in asked:
            row = self._draw(data, self._running())
            exclusive = _called(entry) in WRITERS
            self._say(Command(row.id, row.attempt, self._journal(row).commands, entry, exclusive))

    @precondition(lambda self: self._stepping())
    @rule(data=st.data(), result=results)
    def a_step_ends(self, data: st.DataObject, result: bytes | Failure) -> None:
        row = self._draw(data, self._stepping())
        step = data.draw(st.sampled_from(list(self._journal(row).open_steps)))
        self._say(StepEnded(row.id, row.attempt, completion(step, 1, result)))

    @precondition(lambda self: self._stepping())
    @rule(data=st.data())
    def a_step_fails(self, data: st.DataObject) -> None:
        row = self._draw(data, self._stepping())
        journal = self._journal(row)
        step = data.draw(st.sampled_from(list(journal.open_steps)))
        self._say(StepFailed(row.id, row.attempt, Failed(command=step), journal.step_failures(step) + 1))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), ends=st.lists(results, min_size=1, max_size=4))
    def handlers_end(self, data: st.DataObject, ends: list[bytes | Failure]) -> None:
        for result in ends[: len(self._running())]:
            row = self._draw(data, self._running())
            self._say(AttemptEnded(row.id, row.attempt, outcome(result), SHORT))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), how=st.sampled_from(FAILURES))
    def a_handler_fails(self, data: st.DataObject, how: tuple[AttemptFailure, Execution]) -> None:
        row = self._draw(data, self._running())
        self._say(AttemptFailed(row.id, row.attempt, *how))

    @precondition(lambda self: any(self._awaitable(row) for row in self._running()))
    @rule(data=st.data())
    def a_handler_suspends(self, data: st.DataObject) -> None:
        row = self._draw(data, [row for row in self._running() if self._awaitable(row)])
        commands = st.lists(st.sampled_from(self._awaitable(row)), min_size=1, max_size=3, unique=True)
        self._say(AttemptSuspended(row.id, row.attempt, tuple(data.draw(commands))))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), skips=st.booleans())
    def an_endpoint_breaks_the_protocol(self, data: st.DataObject, skips: bool) -> None:
        row = self._draw(data, self._running())
        later = self._journal(row).commands + 1
        self._say(
            Command(row.id, row.attempt, later, run()) if skips else AttemptSuspended(row.id, row.attempt, (later,))
        )
        assert isinstance(self.room.status(row.id), Paused)

    @precondition(lambda self: self._running())
    @rule(data=st.data())
    def an_attempt_is_lost(self, data: st.DataObject) -> None:
        row = self._draw(data, self._running())
        self._say(AttemptLost(row.id, row.attempt))

    @precondition(lambda self: self.room.store.timers)
    @rule()
    def the_first_timer_fires(self) -> None:
        timer = min(self.room.store.timers, key=lambda timer: (timer.due_ms, str(timer)))
        self.room.fire(timer)
        assert timer not in self.room.store.timers
        self.fired.append(timer)

    @precondition(lambda self: self._paused())
    @rule(data=st.data())
    def an_operator_resumes(self, data: st.DataObject) -> None:
        self.room.resume(self._draw(data, self._paused()).id)

    @precondition(lambda self: self._ended())
    @rule(data=st.data())
    def an_invocation_is_forgotten(self, data: st.DataObject) -> None:
        row = self._draw(data, self._ended())
        assert isinstance(row.status, Ended)
        if self.room.now_ms < row.status.retain_until_ms:
            assert self._would_do(Purge(row.id)) == NOTHING
        self.room.now_ms = max(self.room.now_ms, row.status.retain_until_ms)
        self.room.purge(row.id)
        assert row.id not in self.room.store.invocations

    @rule()
    def a_batch_becomes_durable(self) -> None:
        self.durable, self.written = self.room.store.copy(), copy_of(self.room.written)

    @precondition(lambda self: len(self.said) >= 8)
    @rule(all_is_durable=st.booleans())
    def the_node_crashes(self, all_is_durable: bool) -> None:
        if all_is_durable:
            self.a_batch_becomes_durable()
        # What was said since the last commit was never heard, and its attempts are gone.
        self.said.clear()
        self.fired.clear()
        self.room.crash(self.durable.copy(), self.written)

    @invariant()
    def the_laws_are_kept(self) -> None:
        if hasattr(self, "room"):
            self.room.check()
            for input in self.said[-10:]:
                assert self._would_do(input) == NOTHING
            for timer in self.fired[-3:]:
                check_repeated(self._would_do(TimerDue(timer)))

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return  # It was never begun.
        store = self.room.store
        while self._running() or self._paused() or store.timers:
            for row in self._running():
                self.room.end(row.id)
            for row in self._paused():
                self.room.resume(row.id)
            if not self._running() and store.timers:
                self.the_first_timer_fires()
            self.room.check()
        assert [row for row in store.invocations.values() if not isinstance(row.status, Ended)] == []
        assert store.objects == {}
        assert store.places == {}

    def _say(self, input: Said) -> None:
        self.room.apply(input)
        self.said.append(input)
        # Only the last attempt has a say, and only while it runs.
        row = self.room.row(input.invocation_id)
        attempt = row.attempt - 1 if isinstance(row.status, Running) else row.attempt
        for late in _all_inputs(row.id, attempt, self._journal(row).commands):
            assert self._would_do(late) == NOTHING

    def _would_do(self, input: Input) -> Step:
        return apply(self.room.store, input, self.room.now_ms)

    @staticmethod
    def _draw(data: st.DataObject, rows: list[Invocation]) -> Invocation:
        return data.draw(st.sampled_from(rows))

    def _in(self, status: type[Running | Paused | Ended]) -> list[Invocation]:
        return [row for row in self.room.store.invocations.values() if isinstance(row.status, status)]

    def _running(self) -> list[Invocation]:
        return self._in(Running)

    def _paused(self) -> list[Invocation]:
        return self._in(Paused)

    def _ended(self) -> list[Invocation]:
        return self._in(Ended)

    def _stepping(self) -> list[Invocation]:
        return [row for row in self._running() if self._journal(row).open_steps]

    def _journal(self, row: Invocation) -> Journal:
        return Journal(self.room.journal(row.id))

    def _awaitable(self, row: Invocation) -> list[int]:
        journal = self._journal(row)
        commands = [entry for entry in journal.entries if entry.WhichOneof("entry") not in NOTIFICATIONS]
        later = TARGETS[TARGETS.index(row.target) + 1 :]
        return [
            command
            for command, entry in enumerate(commands)
            if journal.completes(command) and (not entry.HasField("call") or _called(entry) in later)
        ]


def _called(entry: Entry) -> Target | None:
    match entry.WhichOneof("entry"):
        case "call":
            target = entry.call.target
        case "send":
            target = entry.send.target
        case _:
            return None
    return Target(target.service, target.handler, target.key)


def _all_inputs(id: str, attempt: int, commands: int) -> list[Said]:
    """One of each that an attempt can say."""
    return [
        Command(id, attempt, commands, run()),
        StepEnded(id, attempt, completion(0, 1)),
        StepFailed(id, attempt, Failed(command=0), 1),
        AttemptEnded(id, attempt, outcome(b""), SHORT),
        AttemptFailed(id, attempt, AttemptFailure(message="boom"), SHORT),
        AttemptSuspended(id, attempt, (0,)),
        AttemptLost(id, attempt),
    ]


TestAnyOrder = AnyOrder.TestCase
# Most examples are short: it takes some to come to a call that two wait for.
TestAnyOrder.settings = settings(max_examples=4 * settings().max_examples)
