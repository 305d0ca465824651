"""A room that looks at each input from all sides, and knows what each running attempt has been told."""

from collections.abc import Sequence
from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.effect import (
    Abort,
    Accept,
    Accepted,
    Acknowledge,
    Answer,
    Deliver,
    Effect,
    Grant,
    Notify,
    NotifyCancelled,
    Refused,
    Start,
)
from perdure_runtime.partition.input import (
    AttemptSuspended,
    EditState,
    Input,
    Kill,
    Restart,
    SettlePromise,
    SignalInvocation,
)
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import Cancel, Ended, Suspended

from tests.partition import laws
from tests.partition.model import Model
from tests.partition.room import Room
from tests.partition.store import ONE, Store


class Witness(Room):
    """Raises AssertionError where an input breaks a law."""

    def __init__(self, placement: Placement = ONE) -> None:
        super().__init__(placement)
        # Of each attempt that runs: the commands whose results it has, in order, and the steps it may start.
        self.told: dict[str, list[int]] = {}
        self.granted: dict[str, set[int]] = {}
        # Attempts that know of the cancellation of their invocation.
        self.cancelled: set[str] = set()
        self.model = Model()

    def apply(self, input: Input) -> Step:
        before, in_line = self.store.copy(), laws.lines(self.store)
        step = super().apply(input)
        laws.check_order(in_line, laws.lines(self.store))
        laws.check_journals(before, self.store)
        laws.check_told(before, self.store)
        laws.check_promises(before, self.store)
        _check_ends(before, self.store, step.effects)
        if not isinstance(input, Restart):
            laws.check_runs(before, self.store)
        if isinstance(input, Kill):
            laws.check_killed(before, self.store, input.invocation_id)
        if isinstance(input, AttemptSuspended) and not input.cancelled:
            row = self.row(input.invocation_id)
            assert not isinstance(row.status, Suspended) or row.cancel is not Cancel.JOURNALED, "it is never told"
        self.model.note(before, input, self.store)
        # A signal may be sent twice; what operators change is refused the second time, or the same.
        if not isinstance(input, SignalInvocation | EditState | SettlePromise):
            check_repeated(apply(self.view, input, self.now_ms))
        for effect in step.effects:
            self._note(effect)
            if isinstance(effect, Start):
                self._check_woken(before, effect.invocation.id)
        return step

    def check(self) -> None:
        """What holds after each input."""
        laws.check(self.store)
        self.model.check(self.store)
        for id in laws.running(self.store):
            journal = Journal(self.journal(id))
            assert self.told[id] == results_in(journal.entries), f"{id} has not been told what its journal says"
            assert journal.open_steps.keys() <= self.granted[id], f"{id} may not start a step of its own"
            assert (id in self.cancelled) == (self.row(id).cancel is Cancel.JOURNALED)

    def crash(self, durable: Store, model: Model) -> None:
        """All that is left is ``durable``, and what had been done by then; what ran starts again."""
        self.store, self.memory, self.model = durable, Memory(), model.copy()
        self.told.clear()
        self.granted.clear()
        self.cancelled.clear()
        ran = laws.running(self.store)
        for lost in recover(list(self.store.invocations.values())):
            self.apply(lost)
        assert laws.running(self.store) == {id: attempt + 1 for id, attempt in ran.items()}

    def _note(self, effect: Effect) -> None:
        match effect:
            case Start(invocation, journal, state):
                assert state == self.model.written.get((invocation.target.service, invocation.target.key), {})
                self.told[invocation.id] = results_in(journal)
                self.granted[invocation.id] = set()
                self.cancelled.discard(invocation.id)
                if any(entry.HasField("cancellation") for entry in journal):
                    self.cancelled.add(invocation.id)
            case Notify():
                self.told[effect.invocation_id].append(effect.completion.command)
            case NotifyCancelled():
                assert effect.invocation_id not in self.cancelled, "it knows already"
                self.cancelled.add(effect.invocation_id)
            case Accept():
                self.told[effect.invocation_id].append(effect.command)
            case Grant():
                self.granted[effect.invocation_id].add(effect.command)
            case Abort() | Accepted() | Refused() | Answer() | Deliver() | Acknowledge():
                pass  # It is not for the attempt, or stops it.

    def _check_woken(self, before: Store, id: str) -> None:
        """What has suspended starts for no other reason than what it waits for, or its cancellation."""
        row, journal = before.invocations.get(id), Journal(self.journal(id))
        if row is not None and isinstance(row.status, Suspended):
            told = row.cancel is not Cancel.JOURNALED and self.row(id).cancel is Cancel.JOURNALED
            assert told or any(journal.settled(command) for command in row.status.awaiting)


def results_in(journal: Sequence[Entry]) -> list[int]:
    """The commands that have their results, in order."""
    return [entry.completion.command for entry in journal if entry.HasField("completion")]


def check_repeated(step: Step) -> None:
    """What an input does that was applied before: at most it is accepted again."""
    assert not any(step.writes.timers.values())
    step.writes.timers.clear()
    assert not step.writes
    assert all(isinstance(effect, Accepted | Refused | Acknowledge) for effect in step.effects)


def _is_kept(before: Ended, after: Ended) -> bool:
    """Whether an outcome is what it was: some of what was kept with it may have gone."""
    return after in (before, replace(before, swept=True))


def _check_ends(before: Store, after: Store, effects: Sequence[Effect]) -> None:
    """What has ended stays as it is, its journal too, and is told of once."""
    ended = set()
    for id, row in after.invocations.items():
        old = before.invocations.get(id)
        if old is not None and isinstance(old.status, Ended):
            assert isinstance(row.status, Ended)
            assert _is_kept(old.status, row.status)
            assert row == replace(old, status=row.status)
            assert after.journals.get(id, []) in ([], before.journals.get(id, []))
        elif isinstance(row.status, Ended):
            ended.add(id)
    answered = [effect.invocation_id for effect in effects if isinstance(effect, Answer)]
    assert sorted(answered) == sorted(ended)
