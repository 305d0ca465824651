"""Whatever crashes and when: a handler sees the same results in the same order in all its attempts."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from perdure.vm.errors import JournalMismatch
from perdure.vm.machine import Machine
from perdure.vm.state import is_silent
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure

from tests.partition.samples import failure
from tests.vm.handler import NAMES, Handler, Program
from tests.vm.node import Node, apply, deliver, eager
from tests.vm.samples import is_command, machine

seeds = st.integers(0, 2**32)
lengths = st.integers(0, 25)
# Names of the state that are read by commands.
lazies = st.sets(st.sampled_from(NAMES))
results = st.one_of(st.binary(max_size=2), st.builds(failure, st.sampled_from(["no", "never"])))


class Life(RuleBasedStateMachine):
    """One invocation from its first attempt to its end, with frames on their way and crashes at any moment."""

    @initialize(seed=seeds, length=lengths, lazy=lazies)
    def begin(self, seed: int, length: int, lazy: set[str]) -> None:
        self.program = Program(seed, length)
        self.lazy = lazy
        self.node = Node(lazy)
        # The longest that any attempt has seen: all others saw a beginning of it.
        self.log: Sequence[object] = []
        self.granted: set[int] = set()
        self._attempt(early_frames=0)

    def _attempt(self, early_frames: int) -> None:
        self.machine = Machine(self.node.start())
        self.handler = Handler(self.machine, self.program)
        self.running: list[int] = []
        for _ in range(min(early_frames, len(self.node.to_endpoint))):
            deliver(self.machine, self.node.to_endpoint.popleft())
        self._go_on()

    def _go_on(self) -> None:
        self.handler.go_on()
        self.node.to_node.extend(self.machine.take_entries())
        for step in self.machine.take_startable():
            assert step not in self.running, "a step was started twice in one attempt"
            self.running.append(step)

    @rule(early_frames=st.integers(0, 3))
    def crash(self, early_frames: int) -> None:
        """The next attempt may get frames before its handler runs."""
        self._attempt(early_frames)

    @precondition(lambda self: self.node.to_node)
    @rule()
    def a_frame_reaches_the_node(self) -> None:
        self.node.take()

    @precondition(lambda self: self.node.to_endpoint)
    @rule(twice=st.booleans())
    def a_frame_reaches_the_endpoint(self, twice: bool) -> None:
        frame = self.node.to_endpoint.popleft()
        for _ in range(1 + twice):
            deliver(self.machine, frame)
        self._go_on()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), result=results)
    def a_step_ends(self, data: st.DataObject, result: bytes | Failure) -> None:
        step = data.draw(st.sampled_from(self.running))
        self.running.remove(step)
        self.machine.step_ended(step, result, at_ms=1)
        self._go_on()

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_step_fails(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(self.running))
        failures = self.machine.step_failures(step).count
        self.machine.step_failed(step, "timeout", at_ms=1)
        assert self.machine.step_failures(step).count == failures + 1
        self._go_on()

    @precondition(lambda self: self._outside())
    @rule(data=st.data(), result=results)
    def a_result_comes_from_elsewhere(self, data: st.DataObject, result: bytes | Failure) -> None:
        self.node.outside(data.draw(st.sampled_from(self._outside())), result)

    @precondition(lambda self: not self.node.cancelled)
    @rule()
    def it_is_cancelled(self) -> None:
        self.node.cancel()

    @rule(name=st.sampled_from(["a", "b", "c"]), value=st.binary(max_size=2))
    def a_signal_comes(self, name: str, value: bytes) -> None:
        self.node.signal(name, value)

    @rule(by_ms=st.integers(-5, 50))
    def time_passes_at_the_node(self, by_ms: int) -> None:
        self.node.now_ms += by_ms

    @invariant()
    def all_attempts_see_the_same(self) -> None:
        log = self.handler.log
        known = min(len(self.log), len(log))
        assert log[:known] == self.log[:known]
        self.log = max(self.log, list(log), key=len)

    @invariant()
    def failures_of_steps_are_those_of_the_journal_and_of_this_attempt(self) -> None:
        on_the_way = [entry.step_failure.command for entry in self.node.to_node if entry.HasField("step_failure")]
        journaled = [entry.step_failure.command for entry in self.node.journal if entry.HasField("step_failure")]
        for step in self.running:
            assert self.machine.step_failures(step).count == [*on_the_way, *journaled].count(step)

    @invariant()
    def awakeables_have_the_ids_of_the_journal(self) -> None:
        for command, id in self.handler.awakeables.items():
            assert command >= len(self.node.commands) or self.node.commands[command].awakeable.id == id

    def teardown(self) -> None:
        if not hasattr(self, "node"):
            return  # It was never begun.
        self._finish()
        self.all_attempts_see_the_same()
        state = eager(self.node.state, self.lazy)
        again = Handler(machine(*self.node.journal, state=state, partial=bool(self.lazy)), self.program)
        again.go_on()
        assert again.log == self.log, "a replay of the whole journal sees all of it again"
        assert again.ended
        assert again.machine.take_entries() == []
        assert again.machine.take_startable() == []

    def _outside(self) -> list[int]:
        """Commands that something outside completes."""
        return [command for command, kind in self.node.open.items() if kind != "run"]

    def _finish(self) -> None:
        """Lets all happen that can."""
        while not self.handler.ended:
            if self.node.to_endpoint:
                self.a_frame_reaches_the_endpoint(twice=False)
            elif self.node.to_node:
                self.node.take()
            elif self.running:
                self.machine.step_ended(self.running.pop(), b"", at_ms=1)
                self._go_on()
            else:
                assert self._outside(), "the handler waits for what never comes"
                for command in self._outside():
                    self.node.outside(command, b"")
        while self.node.to_node:
            self.node.take()


TestLife = Life.TestCase


@dataclass(frozen=True)
class Story:
    """An invocation that ran to its end without a crash."""

    program: Program
    journal: list[Entry]
    log: list[tuple[object, ...]]
    lazy: set[str]

    def machine(self, journal: Sequence[Entry]) -> Machine:
        """An attempt with this beginning of the journal."""
        state = {"balance": b"0"}
        for entry in journal:
            apply(state, entry)
        return machine(*journal, state=eager(state, self.lazy), partial=bool(self.lazy))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Handlers that have ended, with news in any order."""
    program = Program(draw(seeds), draw(lengths))
    lazy = draw(lazies)
    node = Node(lazy)
    attempt = Machine(node.start())
    handler = Handler(attempt, program)
    running: list[int] = []
    while True:
        handler.go_on()
        node.to_node.extend(attempt.take_entries())
        running.extend(attempt.take_startable())
        while node.to_node:
            node.take()
        if handler.ended:
            return Story(program, node.journal, handler.log, lazy)
        if draw(st.integers(0, 9)) == 0:
            node.signal(draw(st.sampled_from(["a", "b", "c"])), b"")
        if not node.cancelled and draw(st.integers(0, 19)) == 0:
            node.cancel()
        waiting = [command for command, kind in node.open.items() if kind != "run"]
        if node.to_endpoint:
            deliver(attempt, node.to_endpoint.popleft())
        else:
            command = draw(st.sampled_from([*waiting, *running]))
            if command in running:
                running.remove(command)
                attempt.step_ended(command, draw(results), at_ms=1)
            else:
                node.outside(command, draw(results))


@given(story=stories(), data=st.data())
def test_a_journal_that_is_cut_anywhere_goes_on_with_its_rest(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(story.journal)))
    before, after = story.journal[:cut], story.journal[cut:]
    again = story.machine(before)
    handler = Handler(again, story.program)
    handler.go_on()
    sent = again.take_entries()
    for entry in after:
        if is_command(entry):
            assert _same(sent.pop(0), entry)
        elif not entry.HasField("signal"):
            _tell(again, entry, story)
            handler.go_on()
            sent += again.take_entries()
    assert not sent
    assert handler.ended
    assert handler.log == story.log


def _same(issued: Entry, recorded: Entry) -> bool:
    if recorded.HasField("awakeable"):
        # Where no attempt has journaled it, its id is drawn anew.
        return issued.HasField("awakeable")
    return issued == recorded


def _tell(again: Machine, entry: Entry, story: Story) -> None:
    """Lets a machine have the news of an entry in place of the journal."""
    command = entry.completion.command
    if entry.HasField("cancellation"):
        again.on_cancellation(entry.cancellation)
    elif not _commands(story.journal)[command].HasField("run"):
        again.on_completion(entry.completion)
    else:
        again.on_grant(command)
        assert command in again.take_startable()
        again.step_ended(command, _result(entry), at_ms=1)
        # Its report stands behind the commands that the handler has issued meanwhile.
        report = again.take_entries()
        assert [other.completion.command for other in report] == [command]
        again.on_accepted(command, entry.completion.at_ms)


@given(story=stories(), at=st.integers(0, 25))
def test_a_changed_program_is_a_mismatch_at_its_first_difference(story: Story, at: int) -> None:
    changed = story.program.changed(at)
    again = story.machine(story.journal)
    handler = Handler(again, changed)
    try:
        handler.go_on()
    except JournalMismatch as mismatch:
        _check(mismatch, story, handler)
        return
    if handler.ended or not again.replaying:
        # It did all that the journal says, and only then something else.
        assert not again.replaying
        recorded = [entry for entry in _commands(story.journal) if not is_silent(entry)]
        assert handler.issued[: len(recorded)] == recorded
        return
    stuck = again.stuck(handler.awaiting)
    assert stuck is not None
    _check(stuck, story, handler)


def _check(mismatch: JournalMismatch, story: Story, handler: Handler) -> None:
    commands = [index for index, entry in enumerate(story.journal) if is_command(entry)]
    assert mismatch.index == commands[handler.machine.issued]
    assert mismatch.recorded
    assert mismatch.recorded != mismatch.replayed
    assert mismatch.help


def _commands(journal: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in journal if is_command(entry)]


def _result(entry: Entry) -> bytes | Failure:
    return entry.completion.failure if entry.completion.HasField("failure") else entry.completion.value
