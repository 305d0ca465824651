"""The laws of the partition, whatever an endpoint says and in whatever order it says it.

The other laws are told with handlers that keep to the protocol; here every input that could be made is made: callers
go to objects directly, shared handlers write, attempts speak out of turn, and a crash takes what was not committed.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure, InvocationName
from perdure_protos.perdure.protocol.v1.journal_pb2 import StepFailure as Failed
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition.entries.command import OF_A_KEY
from perdure_runtime.partition.entries.state import state_version
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    EditRefused,
    Input,
    Purge,
    StepEnded,
    StepFailed,
    TimerDue,
)
from perdure_runtime.partition.journal import NOTIFICATIONS, Journal
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import (
    SHARED,
    Cancel,
    Ended,
    Invocation,
    Mark,
    Mode,
    Paused,
    Running,
    Suspended,
    Target,
    Timer,
)

from tests.partition.model import named
from tests.partition.room import Room
from tests.partition.samples import (
    ALICE,
    ALICE_READ,
    BOB,
    EMAIL,
    NOTHING,
    ONCE,
    ONCE_THEN_PAUSE,
    ONE_RUN,
    ORDER,
    SIGNUP,
    VERIFY,
    WRITER,
    attach,
    await_signal,
    awakeable,
    call,
    cancel,
    cancel_call,
    clear_all_state,
    clear_state,
    complete_awakeable,
    complete_promise,
    completion,
    failure,
    get_promise,
    get_state,
    get_state_keys,
    outcome,
    output,
    peek_promise,
    run,
    send,
    send_signal,
    set_state,
    sleep,
)
from tests.partition.witness import Witness, check_repeated

# A handler waits only for those after it: what waits in a circle never ends, and should not.
TARGETS = (ORDER, SIGNUP, ALICE, BOB, ALICE_READ, VERIFY, EMAIL)
MODES = {SIGNUP: ONE_RUN, ALICE: WRITER, BOB: WRITER, EMAIL: Mode(explicit_cancellation=True)}
SHORT = Execution(RetryPolicy(initial_ms=10), outcome_retention_ms=1_000, journal_retention_ms=1_000)
EXECUTIONS = [
    SHORT,
    Execution(outcome_retention_ms=1_000, journal_retention_ms=5_000),
    Execution(outcome_retention_ms=5_000, journal_retention_ms=1_000),
]
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
signals = st.sampled_from(["go", "stop"])
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(call, targets, idempotency_key=keys, must_be_new=st.booleans()),
    st.builds(send, targets, idempotency_key=keys, delay_ms=delays, must_be_new=st.booleans()),
    st.builds(sleep, st.sampled_from([0, 100, 10_000])),
    st.builds(run),
    st.builds(set_state, names, st.sampled_from([b"1", b"2"])),
    st.builds(clear_state, names),
    st.builds(clear_all_state),
    st.builds(get_state, names),
    st.builds(get_state_keys),
    st.builds(get_promise, names),
    st.builds(peek_promise, names),
    st.builds(complete_promise, names, results),
    st.builds(await_signal, signals),
    # Which one it is stands in the entry once it is clear whose it is.
    st.builds(awakeable, st.just("")),
)


class AnyOrder(RuleBasedStateMachine):
    """A partition to which anything may happen; ``durable`` is what a crash leaves of it."""

    @initialize()
    def begin(self) -> None:
        self.room = self._found()
        # What has been said by attempts: none of it may ever count twice.
        self.said: list[Said] = []
        self.fired: list[Timer] = []
        self.minted = 0
        self.a_batch_becomes_durable()

    @rule(calls=st.lists(st.tuples(targets, keys, delays, st.booleans()), min_size=1, max_size=5))
    def callers_submit(self, calls: list[tuple[Target, str, int, bool]]) -> None:
        for called, key, delay_ms, must_be_new in calls:
            id, mode = self._mint(called, key), MODES.get(called, SHARED)
            self.room.submit(id, called, mode=mode, idempotency_key=key, delay_ms=delay_ms, must_be_new=must_be_new)

    @rule(called=targets, position=st.integers(0, 5), key=keys)
    def a_source_brings_something(self, called: Target, position: int, key: str) -> None:
        id, mode, mark = self._mint(called, key), MODES.get(called, SHARED), Mark("topic", position)
        place = (self.room.store.placement.of_invocation(id), "topic")
        before = self.room.store.marks.get(place)
        step = self.room.submit(id, called, mode=mode, idempotency_key=key, mark=mark)
        if before is not None and position <= before:
            assert not step.writes
        else:
            assert self.room.store.marks[place] == position

    @rule(place=st.sampled_from([ALICE, BOB]), name=names, value=st.sampled_from([b"1", None]), seen=st.booleans())
    def an_operator_edits(self, place: Target, name: str, value: bytes | None, seen: bool) -> None:
        version = state_version(self.room.store.state(place.service, place.key)) if seen else "of long ago"
        line = self.room.store.line(place.service, place.key)
        if seen and not (line and isinstance(self.room.status(line[0]), Running)):
            self.room.edit(place, version, (name, value))
            assert self.room.store.state(place.service, place.key).get(name) == value
        else:
            with pytest.raises(EditRefused):
                self.room.edit(place, version, (name, value))

    @rule(name=names, result=results)
    def an_operator_settles_a_promise(self, name: str, result: bytes | Failure) -> None:
        with suppress(EditRefused):
            self.room.settle(SIGNUP, name, result)
        assert self.room.store.promises(SIGNUP.service, SIGNUP.key)[name].result is not None

    @precondition(lambda self: self._running())
    @rule(data=st.data(), asked=st.lists(entries, min_size=1, max_size=8))
    def handlers_ask(self, data: st.DataObject, asked: list[Entry]) -> None:
        for entry in asked:
            row = self._draw(data, self._running())
            self._ask(row, entry)

    @precondition(lambda self: self._running())
    @rule(data=st.data(), ask=st.sampled_from([attach, output, cancel, send_signal]), name=signals)
    def a_handler_asks_of_another_one(self, data: st.DataObject, ask: Callable[..., Entry], name: str) -> None:
        row = self._draw(data, self._running())
        other = self._draw(data, self._all())
        what = other.target if other.mode.once and data.draw(st.booleans()) else other.id
        self._ask(row, ask(what, name, b"%d" % len(self.said)) if ask is send_signal else ask(what))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), result=results)
    def a_handler_completes_an_awakeable_or_cancels_a_call(self, data: st.DataObject, result: bytes | Failure) -> None:
        row = self._draw(data, self._running())
        of_others = [complete_awakeable(id, result) for id in self._awakeables()]
        of_its_own = [cancel_call(command) for command in range(self._journal(row).commands + 1)]
        self._ask(row, data.draw(st.sampled_from([*of_others, *of_its_own])))

    @precondition(lambda self: self._awakeables())
    @rule(data=st.data(), result=results)
    def somebody_outside_completes_an_awakeable(self, data: st.DataObject, result: bytes | Failure) -> None:
        self.room.complete_awakeable(data.draw(st.sampled_from(self._awakeables())), result)

    @precondition(lambda self: self._all())
    @rule(data=st.data(), sent=st.lists(signals, min_size=1, max_size=3))
    def somebody_outside_sends_signals(self, data: st.DataObject, sent: list[str]) -> None:
        row = self._draw(data, self._all())
        for name in sent:
            self.minted += 1
            self.room.signal(row.id, name, b"%d" % self.minted)

    @precondition(lambda self: self._running())
    @rule(data=st.data(), awaited=st.lists(signals, min_size=2, max_size=4))
    def a_handler_waits_for_signals(self, data: st.DataObject, awaited: list[str]) -> None:
        row = self._draw(data, self._running())
        for name in awaited:
            self._ask(row, await_signal(name))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), called=st.lists(targets, min_size=2, max_size=3))
    def a_handler_that_has_called_others_is_cancelled(self, data: st.DataObject, called: list[Target]) -> None:
        row = self._draw(data, self._running())
        for target in called:
            self._ask(row, call(target))
        self.room.cancel(row.id)

    @precondition(lambda self: self._all())
    @rule(data=st.data(), do=st.sampled_from([Room.cancel, Room.cancel, Room.kill, Room.pause]))
    def somebody_stops_an_invocation(self, data: st.DataObject, do: Callable[[Room, str], Step]) -> None:
        do(self.room, self._draw(data, self._all()).id)

    @precondition(lambda self: self._ended())
    @rule(data=st.data())
    def an_operator_restarts_an_invocation(self, data: st.DataObject) -> None:
        row = self._draw(data, self._ended())
        commands = data.draw(st.integers(0, self._journal(row).commands))
        self.room.restart(row.id, self._mint(row.target, row.idempotency_key, like=row.id), commands)

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
    @rule(data=st.data(), ends=st.lists(results, min_size=1, max_size=4), execution=st.sampled_from(EXECUTIONS))
    def handlers_end(self, data: st.DataObject, ends: list[bytes | Failure], execution: Execution) -> None:
        for result in ends[: len(self._running())]:
            row = self._draw(data, self._running())
            self._say(AttemptEnded(row.id, row.attempt, outcome(result), execution))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), how=st.sampled_from(FAILURES))
    def a_handler_fails(self, data: st.DataObject, how: tuple[AttemptFailure, Execution]) -> None:
        row = self._draw(data, self._running())
        self._say(AttemptFailed(row.id, row.attempt, *how))

    @precondition(lambda self: self._running())
    @rule(data=st.data(), knows=st.booleans())
    def a_handler_suspends(self, data: st.DataObject, knows: bool) -> None:
        row = self._draw(data, self._running())
        awaitable = self._awaitable(row)
        commands = st.lists(st.sampled_from(awaitable), max_size=3, unique=True) if awaitable else st.just([])
        awaiting = tuple(data.draw(commands))
        self._say(AttemptSuspended(row.id, row.attempt, awaiting, knows and row.cancel is Cancel.JOURNALED))

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
    @rule(data=st.data(), now=st.booleans())
    def an_invocation_is_forgotten(self, data: st.DataObject, now: bool) -> None:
        row = self._draw(data, self._ended())
        assert isinstance(row.status, Ended)
        if self.room.now_ms < row.status.next_expiry_ms:
            assert self._would_do(Purge(row.id)) == NOTHING
        if not now:
            self.room.now_ms = max(self.room.now_ms, row.status.next_expiry_ms)
        self.room.purge(row.id, now=now)
        left = self.room.store.invocations.get(row.id)
        assert left is None or left.status == replace(row.status, swept=True)

    @rule()
    def a_batch_becomes_durable(self) -> None:
        self.durable, self.model = self.room.store.copy(), self.room.model.copy()

    @precondition(lambda self: len(self.said) >= 8)
    @rule(all_is_durable=st.booleans())
    def the_node_crashes(self, all_is_durable: bool) -> None:
        if all_is_durable:
            self.a_batch_becomes_durable()
        # What was said since the last commit was never heard, and its attempts are gone.
        self.said.clear()
        self.fired.clear()
        self.room.crash(self.durable.copy(), self.model)

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
        while store.timers or any(not isinstance(row.status, Ended) for row in self._all()):
            for row in self._running():
                self.room.end(row.id)
            for row in self._paused():
                self.room.resume(row.id)
            if self._let_arrive():
                pass  # Somebody may have something to do again.
            elif not self._running() and store.timers:
                self.the_first_timer_fires()
            elif not self._running():
                self._end_what_waits()
            self.room.check()
        assert [row for row in store.invocations.values() if not isinstance(row.status, Ended)] == []
        assert store.objects == {}
        assert store.places == {}

    def _end_what_waits(self) -> None:
        """Nothing else happens any more: whoever waits for somebody outside is cancelled."""
        for row in self._in(Suspended):
            before = self.room.store.copy()
            self.room.cancel(row.id)
            if before.invocations == self.room.store.invocations and row.cancel is Cancel.JOURNALED:
                # It knows, and would rather wait.
                self.room.kill(row.id)

    # What is otherwise where there are several partitions.

    def _found(self) -> Witness:
        return Witness()

    def _mint(self, target: Target, key: str, like: str = "") -> str:
        self.minted += 1
        return f"inv_{self.minted}"

    def _let_arrive(self) -> bool:
        """Brings what is on its way; whether there was something."""
        return False

    def _ask(self, row: Invocation, entry: Entry) -> None:
        command = self._journal(row).commands
        if not row.target.key and entry.WhichOneof("entry") in OF_A_KEY:
            entry = run()
        if entry.HasField("awakeable"):
            entry.awakeable.id = f"awk_{row.id.removeprefix('inv_')}_{command}_c0ffee"
        self._say(Command(row.id, row.attempt, command, entry, MODES.get(_called(entry) or ORDER, SHARED)))

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

    def _all(self) -> list[Invocation]:
        return list(self.room.store.invocations.values())

    def _awakeables(self) -> list[str]:
        journals = self.room.store.journals.values()
        return [entry.awakeable.id for journal in journals for entry in journal if entry.HasField("awakeable")]

    def _in(self, status: type[Running | Paused | Suspended | Ended]) -> list[Invocation]:
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
            if journal.completes(command)
            and (not entry.HasField("call") or _called(entry) in later)
            and (not entry.HasField("attach") or self._target(entry.attach.invocation) in later)
        ]

    def _target(self, name: InvocationName) -> Target | None:
        row = named(self.room.store, name)
        return row.target if row is not None else None


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
