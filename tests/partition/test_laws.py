"""The laws of the partition, over whatever can happen to it in whatever order.

Random programs run on real invocation machines. What is applied becomes durable later; a crash takes all that is not,
and all attempts. In the end every program has come to what it should, and every balance to what was added to it.
"""

import random
from collections import deque
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition.effect import (
    Abort,
    Accepted,
    Acknowledge,
    Answer,
    Deliver,
    Effect,
    Grant,
    Refused,
    Start,
)
from perdure_runtime.partition.input import (
    AttemptLost,
    CancelInvocation,
    CompleteAwakeable,
    Input,
    Kill,
    Pause,
    Purge,
    Resume,
    Submit,
    TimerDue,
)
from perdure_runtime.partition.journal import is_command
from perdure_runtime.partition.lifecycle.cancel import CANCELLED
from perdure_runtime.partition.lifecycle.kill import ABORTED
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import SHARED, Ended, Paused, Timer
from perdure_runtime.partition.view import NotLoaded
from perdure_runtime.partition.writes import Writes

from tests.partition import laws
from tests.partition.endpoint import EXECUTION, IMPATIENT, Attempt
from tests.partition.programs import Expected, Program, decode, desk, doomed_programs, programs
from tests.partition.room import NOW_MS
from tests.partition.samples import NOTHING, ORDER
from tests.partition.store import Store

T = TypeVar("T")

# Far more than any example needs to come to its end.
MOST_ROUNDS = 1_000
ROUNDS_OF_TROUBLE = 20

FAILURES = [
    (AttemptFailure(message="boom"), EXECUTION),
    (AttemptFailure(message="boom"), IMPATIENT),
    (AttemptFailure(message="not the same", journal_mismatch=True), EXECUTION),
    (AttemptFailure(message="busy", retry_after_ms=0), EXECUTION),
]


class Partition(RuleBasedStateMachine):
    """A partition, its callers and its endpoint.

    ``rows`` is how things are once all is durable that has been applied, ``durable`` what a crash would leave.
    """

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rows, self.durable, self.memory = Store(), Store(), Memory(most_idle_objects=0)
        self.tail: deque[tuple[Writes, list[Effect]]] = deque()
        self.now_ms = NOW_MS
        self.attempts: dict[str, Attempt] = {}
        # Attempts that have been lost, and may still say something.
        self.ghosts: list[Attempt] = []
        self.wanted: dict[str, Program] = {}
        self.accepted: dict[str, str] = {}
        self.answers: dict[str, Outcome] = {}
        self.heard: list[Input] = []
        self.minted = 0

    # One input.

    def apply(self, input: Input) -> Step:
        """Applies an input, and checks what holds of every step."""
        before, in_line = self.rows.copy(), laws.lines(self.rows)
        expected = apply(self.rows, input, self.now_ms)
        step = self._decide(input)
        assert step == expected, "what is in memory makes a difference"
        assert step == apply(self.memory, input, self.now_ms), "deciding changed something"
        self.memory.absorb(step.writes)
        self.rows.write(step.writes)
        self.tail.append((step.writes, step.effects))
        laws.check_order(in_line, laws.lines(self.rows))
        laws.check_journals(before, self.rows)
        laws.check_told(before, self.rows)
        laws.check_promises(before, self.rows)
        _check_repeated(apply(self.rows, input, self.now_ms))
        for effect in step.effects:
            self._act(effect)
        return step

    def _decide(self, input: Input) -> Step:
        while True:
            try:
                return apply(self.memory, input, self.now_ms)
            except NotLoaded as missing:
                # Storage only has what is durable: what is not must be in memory.
                self.memory.load(missing.document, self.durable.load(missing.document))

    def _act(self, effect: Effect) -> None:
        match effect:
            case Start():
                row = effect.invocation
                stored = self.rows.invocation(row.id)
                # It may be cancelled in the step that starts it.
                assert stored is not None
                assert replace(row, cancel=stored.cancel) == stored
                old = self.attempts.pop(row.id, None)
                assert old is None or old.number < row.attempt
                self.attempts[row.id] = Attempt(effect)
            case Refused():
                raise AssertionError("nobody wants a run that must be new")
            case Abort():
                assert effect.reason.endswith("by an operator"), "the endpoint keeps to the protocol"
                self.ghosts.append(self.attempts.pop(effect.invocation_id))
            case Deliver() | Acknowledge():
                raise AssertionError("there is but one partition")
            case Grant() | Accepted() | Answer():
                pass  # The world sees these once they are durable.
            case _:
                self.attempts[effect.invocation_id].hear(effect)

    def _deliver(self, attempt: Attempt) -> None:
        input = attempt.frames.popleft()
        if attempt.over and not attempt.frames:
            del self.attempts[attempt.id]
        self._hear(input)

    def _commit(self, count: int) -> None:
        batch, effects = Writes(), []
        for _ in range(count):
            writes, seen = self.tail.popleft()
            batch.merge(writes)
            effects.extend(seen)
        dirty = Writes()
        for writes, _ in self.tail:
            dirty.merge(writes)
        self.durable.write(batch)
        self.memory.settle(batch, dirty)
        for effect in effects:
            self._show(effect)

    def _show(self, effect: Effect) -> None:
        match effect:
            case Accepted(submitted, invocation_id):
                assert self.accepted.setdefault(self._key_of(submitted), invocation_id) == invocation_id
            case Answer(invocation_id, outcome):
                assert self.answers.setdefault(invocation_id, outcome) == outcome
            case Grant():
                attempt = self.attempts.get(effect.invocation_id)
                if attempt is not None and attempt.number == effect.attempt and not attempt.over:
                    durable = self.durable.journal(effect.invocation_id)
                    assert not durable.settled(effect.command), "a step runs again whose result is durable"
                    attempt.hear(effect)
            case _:
                pass  # It was acted on at once.

    @staticmethod
    def _key_of(submitted: str) -> str:
        return submitted.split("/")[1]

    # What can happen.

    @rule(program=programs, delay_ms=st.sampled_from([0, 0, 300]))
    def a_caller_submits(self, program: Program, delay_ms: int) -> None:
        key = f"wanted {len(self.wanted)}"
        self.wanted[key] = program
        self._submit(key, delay_ms)

    @rule(program=doomed_programs, delay_ms=st.sampled_from([0, 0, 300]))
    def a_caller_submits_what_never_ends_by_itself(self, program: Program, delay_ms: int) -> None:
        self.a_caller_submits(program, delay_ms)

    @precondition(lambda self: self._doomed())
    @rule(data=st.data(), how=st.sampled_from([CancelInvocation, CancelInvocation, Kill]))
    def somebody_ends_it(self, data: st.DataObject, how: type[CancelInvocation | Kill]) -> None:
        self._hear(how(data.draw(st.sampled_from(self._doomed()))))

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def an_operator_pauses(self, data: st.DataObject) -> None:
        open_rows = [id for id, row in self.rows.invocations.items() if not isinstance(row.status, Ended)]
        # Asked again after a resume it would pause again, as it should: nothing is heard twice here.
        self.apply(Pause(data.draw(st.sampled_from(open_rows))))

    @precondition(lambda self: self._awakeables())
    @rule(data=st.data())
    def somebody_outside_completes_an_awakeable(self, data: st.DataObject) -> None:
        self._complete(data.draw(st.sampled_from(self._awakeables())))

    def _complete(self, awakeable_id: str) -> None:
        worth = awakeable_id.rsplit("_", 1)[1].encode()
        self._hear(CompleteAwakeable(awakeable_id, Outcome(value=worth)))

    def _hear(self, input: Input) -> None:
        self.heard.append(input)
        self.apply(input)

    def _submit(self, key: str, delay_ms: int) -> None:
        self.minted += 1
        input, id = self.wanted[key].encode(), f"inv_{self.minted:03}/{key}"
        self.apply(Submit(id, desk(key), SHARED, input, idempotency_key=key, delay_ms=delay_ms))

    @precondition(lambda self: len(self.wanted) > len(self.accepted))
    @rule(data=st.data(), delay_ms=st.sampled_from([0, 300]))
    def a_caller_that_heard_nothing_submits_again(self, data: st.DataObject, delay_ms: int) -> None:
        self._submit(data.draw(st.sampled_from(sorted(self.wanted.keys() - self.accepted.keys()))), delay_ms)

    @precondition(lambda self: any(attempt.frames for attempt in self.attempts.values()))
    @rule(data=st.data(), count=st.integers(1, 8))
    def frames_arrive(self, data: st.DataObject, count: int) -> None:
        attempt = _draw(data, [attempt for attempt in self.attempts.values() if attempt.frames])
        while count and attempt.frames:
            count -= 1
            self._deliver(attempt)

    @precondition(lambda self: any(attempt.running for attempt in self._open()))
    @rule(data=st.data(), ends=st.booleans())
    def a_step_ends_or_fails(self, data: st.DataObject, ends: bool) -> None:
        attempt = _draw(data, [attempt for attempt in self._open() if attempt.running])
        step = data.draw(st.sampled_from(attempt.running))
        if ends:
            attempt.end_step(step)
        else:
            attempt.fail_step(step)

    @precondition(lambda self: any(attempt.waits is not None for attempt in self._open()))
    @rule(data=st.data())
    def a_handler_suspends(self, data: st.DataObject) -> None:
        _draw(data, [attempt for attempt in self._open() if attempt.waits is not None]).suspend()

    @precondition(lambda self: self._open())
    @rule(data=st.data(), how=st.sampled_from(FAILURES))
    def a_handler_fails(self, data: st.DataObject, how: tuple[AttemptFailure, Execution]) -> None:
        _draw(data, self._open()).fail(*how)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def an_attempt_is_lost(self, data: st.DataObject) -> None:
        self._lose(_draw(data, list(self.attempts.values())))

    def _lose(self, attempt: Attempt) -> None:
        del self.attempts[attempt.id]
        self.ghosts.append(attempt)
        self.apply(AttemptLost(attempt.id, attempt.number))

    @precondition(lambda self: any(ghost.frames for ghost in self.ghosts))
    @rule(data=st.data())
    def a_lost_attempt_still_speaks(self, data: st.DataObject) -> None:
        ghost = _draw(data, [ghost for ghost in self.ghosts if ghost.frames])
        assert apply(self.rows, ghost.frames.popleft(), self.now_ms) == NOTHING

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def something_old_is_heard_again(self, data: st.DataObject) -> None:
        _check_repeated(apply(self.rows, data.draw(st.sampled_from(self.heard)), self.now_ms))

    @precondition(lambda self: self.rows.timers)
    @rule(data=st.data())
    def a_timer_fires(self, data: st.DataObject) -> None:
        self._fire(_draw(data, sorted(self.rows.timers, key=str)))

    def _fire(self, timer: Timer) -> None:
        self.now_ms = max(self.now_ms, timer.due_ms)
        self._hear(TimerDue(timer))

    @precondition(lambda self: self._paused())
    @rule(data=st.data())
    def an_operator_resumes(self, data: st.DataObject) -> None:
        self.apply(Resume(data.draw(st.sampled_from(self._paused()))))

    @precondition(lambda self: self._forgettable())
    @rule(data=st.data())
    def an_invocation_is_forgotten(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(self._forgettable()))
        status = self.rows.invocations[id].status
        assert isinstance(status, Ended)
        self.now_ms = max(self.now_ms, status.outcome_until_ms)
        self.apply(Purge(id))

    @precondition(lambda self: self.tail)
    @rule(data=st.data())
    def a_batch_becomes_durable(self, data: st.DataObject) -> None:
        self._commit(data.draw(st.integers(1, len(self.tail))))

    @rule()
    def the_node_crashes(self) -> None:
        self.rows, self.memory = self.durable.copy(), Memory(most_idle_objects=0)
        self.tail.clear()
        self.attempts.clear()
        # Their sessions are gone too: none of them is heard any more.
        self.ghosts.clear()
        self.heard.clear()
        for lost in recover(list(self.rows.invocations.values())):
            self.apply(lost)

    # What always holds.

    @invariant()
    def the_rows_keep_the_laws(self) -> None:
        laws.check(self.rows)

    @invariant()
    def what_runs_has_an_attempt(self) -> None:
        attempts = {attempt.id: attempt.number for attempt in self.attempts.values()}
        assert attempts == laws.running(self.rows)

    @invariant()
    def what_the_world_was_told_is_durable(self) -> None:
        for id in self.accepted.values():
            assert id in self.durable.invocations or id in self.answers
        for id, outcome in self.answers.items():
            row = self.durable.invocations.get(id)
            assert row is None or (isinstance(row.status, Ended) and row.status.outcome == outcome)

    # The end.

    def teardown(self) -> None:
        if not hasattr(self, "rows"):
            return  # It was never begun.
        self._finish()
        expected = Expected()
        for key, program in self.wanted.items():
            assert self.accepted[key] in self.answers, f"{self.accepted[key]} has never ended"
            outcome, worth = self.answers[self.accepted[key]], expected.worth(program)
            if program.doomed:
                assert outcome.failure.code in (CANCELLED, ABORTED)
                continue
            assert outcome.HasField("failure") == (worth is None)
            assert worth is None or int(outcome.value) == worth
        balances = {key: int(state["balance"]) for (_, key), state in self.durable.states.items()}
        assert balances == expected.balances
        assert self.durable.objects == {}
        assert self.durable.places == {}
        assert all(isinstance(row.status, Ended) for row in self.durable.invocations.values())

    def _finish(self) -> None:
        """Lets all happen that can; first with troubles, then without."""
        for round in range(MOST_ROUNDS):
            laws.check(self.rows)
            trouble = round < ROUNDS_OF_TROUBLE
            if self.tail:
                self._commit(self.chance.randint(1, len(self.tail)))
            if trouble and self.chance.random() < 0.05:
                self.the_node_crashes()
            for key in sorted(self.wanted.keys() - self.accepted.keys()):
                self._submit(key, delay_ms=0)
            for attempt in list(self.attempts.values()):
                if trouble and not attempt.over:
                    self._make_trouble(attempt)
                while attempt.frames and self.attempts.get(attempt.id) is attempt:
                    self._deliver(attempt)
                while attempt.running and not attempt.over:
                    attempt.end_step(attempt.running[0])
            for input in self.heard[-3:]:
                _check_repeated(apply(self.rows, input, self.now_ms))
            for id in self._paused():
                self.apply(Resume(id))
            for awakeable in self._awakeables():
                self._complete(awakeable)
            if self.tail or any(attempt.frames for attempt in self.attempts.values()):
                continue
            if not self.rows.timers:
                if not self._doomed():
                    return
                # All else has come to its end: they alone are left, and what waits in them.
                self._hear(CancelInvocation(self._doomed()[0]))
                continue
            self._fire(min(self.rows.timers, key=lambda timer: (timer.due_ms, str(timer))))
        raise AssertionError("it does not come to an end")

    def _make_trouble(self, attempt: Attempt) -> None:
        match self.chance.randrange(8):
            case 0:
                self._lose(attempt)
            case 1:
                attempt.fail(*self.chance.choice(FAILURES))
            case 2 if attempt.waits is not None:
                attempt.suspend()
            case 3 | 4 if attempt.running:
                attempt.fail_step(attempt.running[0])
            case _:
                pass  # This time all goes well.

    def _open(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts.values() if not attempt.over]

    def _paused(self) -> list[str]:
        return [id for id, row in self.rows.invocations.items() if isinstance(row.status, Paused)]

    def _doomed(self) -> list[str]:
        """What runs and does not end by itself."""
        return [
            id
            for id, row in self.rows.invocations.items()
            if row.target.service == ORDER.service and not isinstance(row.status, Ended) and decode(row.input).doomed
        ]

    def _awakeables(self) -> list[str]:
        """Those without a result, of what has not ended."""
        found = []
        for id, row in self.rows.invocations.items():
            journal = self.rows.journal(id)
            commands = [entry for entry in journal.entries if is_command(entry)]
            for command, entry in enumerate(commands):
                if entry.HasField("awakeable") and not journal.settled(command) and not isinstance(row.status, Ended):
                    found.append(entry.awakeable.id)
        return found

    def _forgettable(self) -> list[str]:
        # What is shared would run again for the next one who shares it, as it should after its retention; and who has
        # sent a program off may attach to it later.
        return [
            id
            for id, row in self.rows.invocations.items()
            if isinstance(row.status, Ended)
            and id in self.answers
            and not row.idempotency_key.startswith("shared")
            and (row.caller is not None or row.idempotency_key or row.target.service != ORDER.service)
        ]


def _draw(data: st.DataObject, options: list[T]) -> T:
    return data.draw(st.sampled_from(options))


def _check_repeated(step: Step) -> None:
    """What an input does that was applied before."""
    assert not any(step.writes.timers.values())
    step.writes.timers.clear()
    assert not step.writes
    assert all(isinstance(effect, Accepted) for effect in step.effects)


TestPartition = Partition.TestCase
