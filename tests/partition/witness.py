"""A room that looks at each input from all sides, and knows what each running attempt has been told."""

from collections.abc import Sequence

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.effect import Accept, Accepted, Answer, Effect, Grant, Notify, Start
from perdure_runtime.partition.input import Command, Input
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import Ended, Running, Suspended

from tests.partition import laws
from tests.partition.room import Room
from tests.partition.store import Store

States = dict[tuple[str, str], dict[str, bytes]]


class Witness(Room):
    """Raises AssertionError where an input breaks a law."""

    def __init__(self) -> None:
        super().__init__()
        # Of each attempt that runs: the commands whose results it has, in order, and the steps it may start.
        self.told: dict[str, list[int]] = {}
        self.granted: dict[str, set[int]] = {}
        # What the writers of the keys have made of them.
        self.written: States = {}

    def apply(self, input: Input) -> Step:
        before, in_line = self.store.copy(), laws.lines(self.store)
        step = super().apply(input)
        laws.check_order(in_line, laws.lines(self.store))
        laws.check_journals(before, self.store)
        _check_ends(before, self.store, step.effects)
        check_repeated(apply(self.store, input, self.now_ms))
        if isinstance(input, Command):
            self._note_write(before, input)
        for effect in step.effects:
            self._note(effect)
            if isinstance(effect, Start):
                self._check_woken(before, effect.invocation.id)
        return step

    def check(self) -> None:
        """What holds after each input."""
        laws.check(self.store)
        for id in laws.running(self.store):
            journal = Journal(self.journal(id))
            assert self.told[id] == results_in(journal.entries), f"{id} has not been told what its journal says"
            assert journal.open_steps.keys() <= self.granted[id], f"{id} may not start a step of its own"
        assert {place: state for place, state in self.store.states.items() if state} == self.written

    def crash(self, durable: Store, written: States) -> None:
        """All that is left is ``durable``, and what had been written then; what ran starts again."""
        self.store, self.memory, self.written = durable, Memory(), copy_of(written)
        self.told.clear()
        self.granted.clear()
        ran = laws.running(self.store)
        for lost in recover(list(self.store.invocations.values())):
            self.apply(lost)
        assert laws.running(self.store) == {id: attempt + 1 for id, attempt in ran.items()}

    def _note(self, effect: Effect) -> None:
        match effect:
            case Start(invocation, journal, state):
                assert state == self.written.get((invocation.target.service, invocation.target.key), {})
                self.told[invocation.id] = results_in(journal)
                self.granted[invocation.id] = set()
            case Notify():
                self.told[effect.invocation_id].append(effect.completion.command)
            case Accept():
                self.told[effect.invocation_id].append(effect.command)
            case Grant():
                self.granted[effect.invocation_id].add(effect.command)
            case _:
                pass  # It is not for the attempt, or stops it.

    def _check_woken(self, before: Store, id: str) -> None:
        """What has suspended starts for no other reason than what it waits for."""
        row, journal = before.invocations.get(id), Journal(self.journal(id))
        if row is not None and isinstance(row.status, Suspended):
            assert any(journal.settled(command) for command in row.status.awaiting)

    def _note_write(self, before: Store, input: Command) -> None:
        row = before.invocations[input.invocation_id]
        is_next = input.command == Journal(before.journals.get(row.id, ())).commands
        if not (row.exclusive and is_next and isinstance(row.status, Running)):
            return
        place, entry = (row.target.service, row.target.key), input.entry
        if entry.HasField("set_state"):
            self.written.setdefault(place, {})[entry.set_state.name] = entry.set_state.value
        elif entry.HasField("clear_state") and place in self.written:
            self.written[place].pop(entry.clear_state.name, None)
            if not self.written[place]:
                del self.written[place]


def results_in(journal: Sequence[Entry]) -> list[int]:
    """The commands that have their results, in order."""
    return [entry.completion.command for entry in journal if entry.HasField("completion")]


def copy_of(states: States) -> States:
    """The same state, to be changed apart."""
    return {place: dict(state) for place, state in states.items()}


def check_repeated(step: Step) -> None:
    """What an input does that was applied before: at most it is accepted again."""
    assert not any(step.writes.timers.values())
    step.writes.timers.clear()
    assert not step.writes
    assert all(isinstance(effect, Accepted) for effect in step.effects)


def _check_ends(before: Store, after: Store, effects: Sequence[Effect]) -> None:
    """What has ended stays as it is, its journal too, and is told of once."""
    ended = set()
    for id, row in after.invocations.items():
        old = before.invocations.get(id)
        if old is not None and isinstance(old.status, Ended):
            assert row == old
            assert after.journals.get(id, []) == before.journals.get(id, [])
        elif isinstance(row.status, Ended):
            ended.add(id)
    answered = [effect.invocation_id for effect in effects if isinstance(effect, Answer)]
    assert sorted(answered) == sorted(ended)
