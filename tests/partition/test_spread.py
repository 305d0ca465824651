"""Spread over nodes, programs come to what they come to in one place.

The same programs run twice: with all partitions at one node, and with partitions at several, which move, lose their
attempts and hear messages late, twice and out of order. Outcomes and balances are the same, and each message has
counted once.
"""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition import ids
from perdure_runtime.partition.effect import Accept, Accepted, Answer, Effect, Grant, Notify, NotifyCancelled, Start
from perdure_runtime.partition.input import (
    AttemptLost,
    CancelInvocation,
    CompleteAwakeable,
    Input,
    Receive,
    Submit,
    TimerDue,
)
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import SHARED, Ended, IdempotencyKey

from tests.partition import laws
from tests.partition.endpoint import Attempt
from tests.partition.programs import Expected, Program, decode, desk, doomed_programs, programs
from tests.partition.room import NOW_MS
from tests.partition.samples import ORDER
from tests.partition.town import Town

ROUNDS_OF_TROUBLE = 60
# Far more than any example needs to come to its end.
MOST_ROUNDS = 2_000


class Village(Town):
    """A town whose handlers run programs, with troubles that a seed decides."""

    def __init__(self, seed: int, *owners: int) -> None:
        super().__init__(*owners)
        self.chance = random.Random(seed)
        self.attempts: dict[str, Attempt] = {}
        self.answers: dict[str, Outcome] = {}
        self.accepted: dict[str, str] = {}
        self.counted: Counter[tuple[int, int, int]] = Counter()

    def apply(self, input: Input) -> Step:
        step = super().apply(input)
        if isinstance(input, Receive) and step.writes.received:
            self.counted[input.source, input.destination, input.seq] += 1
        for effect in step.effects:
            self._act(effect)
        return step

    def come_to_an_end(self, wanted: list[Program]) -> None:
        """Runs programs until nothing happens any more."""
        for number, program in enumerate(wanted):
            name = IdempotencyKey(desk(f"wanted {number}"), f"wanted {number}")
            id = ids.mint(NOW_MS, number, ids.place_of_name(name))
            self.apply(Submit(id, name.target, SHARED, program.encode(), idempotency_key=name.key))
            self.accepted.setdefault(id, id)
        for round in range(MOST_ROUNDS):
            trouble = round < ROUNDS_OF_TROUBLE
            if trouble:
                self._make_trouble()
            elif not self.is_quiet():
                self.bring()
            laws.check(self.store)
            if not self._work(patient=trouble) and not trouble and self.is_quiet() and not self._wait():
                return
        raise AssertionError("it does not come to an end")

    def _work(self, *, patient: bool) -> bool:
        """Lets handlers get on: all of them, or some."""
        worked = False
        for attempt in list(self.attempts.values()):
            if patient and self.chance.random() < 0.5:
                continue
            while attempt.frames and self.attempts.get(attempt.id) is attempt:
                worked = True
                self._deliver(attempt)
            while attempt.running and not attempt.over:
                worked = True
                attempt.end_step(attempt.running[0])
        return worked

    def _wait(self) -> bool:
        """Somebody outside does something, or time passes; whether there was anything to wait for."""
        if awakeables := self._awakeables():
            for awakeable in awakeables:
                self.apply(CompleteAwakeable(awakeable, Outcome(value=awakeable.rsplit("_", 1)[1].encode())))
        elif self.store.timers:
            timer = min(self.store.timers, key=lambda timer: (timer.due_ms, str(timer)))
            self.now_ms = max(self.now_ms, timer.due_ms)
            self.apply(TimerDue(timer))
        elif doomed := self._doomed():
            self.apply(CancelInvocation(doomed[0]))
        else:
            return False
        return True

    def _make_trouble(self) -> None:
        match self.chance.randrange(8):
            case 0:
                self.move(self.chance.randrange(len(self.owners)), self.chance.choice(list(self.nodes)))
            case 1 if self.attempts:
                attempt = self.attempts.pop(self.chance.choice(list(self.attempts)))
                self.apply(AttemptLost(attempt.id, attempt.number))
            case 2 if waiting := [attempt for attempt in self.attempts.values() if self._may_suspend(attempt)]:
                self.chance.choice(waiting).suspend()
            case 3 if (doomed := self._doomed()) and self.chance.random() < 0.3:
                self.apply(CancelInvocation(self.chance.choice(doomed)))
            case _:
                self._bring_some()

    @staticmethod
    def _may_suspend(attempt: Attempt) -> bool:
        return not attempt.over and attempt.waits is not None

    def _bring_some(self) -> None:
        parcels = self.parcels()
        for parcel in self.chance.choices(parcels, k=2 * len(parcels)):
            self.apply(parcel)
        for receipt in self.receipts():
            if self.chance.random() < 0.5:
                self.apply(receipt)

    def _deliver(self, attempt: Attempt) -> None:
        input = attempt.frames.popleft()
        if attempt.over and not attempt.frames:
            del self.attempts[attempt.id]
        self.apply(input)

    def _act(self, effect: Effect) -> None:
        match effect:
            case Start():
                self.attempts[effect.invocation.id] = Attempt(effect)
            case Notify() | NotifyCancelled() | Accept() | Grant():
                self.attempts[effect.invocation_id].hear(effect)
            case Accepted(submitted, invocation_id):
                self.accepted[submitted] = invocation_id
            case Answer(invocation_id, outcome):
                assert invocation_id not in self.answers, "it has ended twice"
                self.answers[invocation_id] = outcome
            case _:
                pass  # Messages stand in the outbox.

    def _awakeables(self) -> list[str]:
        return [
            id
            for row in self.store.invocations.values()
            if not isinstance(row.status, Ended)
            for id, (command, _) in self.store.journal(row.id).awakeables.items()
            if not self.store.journal(row.id).settled(command)
        ]

    def _doomed(self) -> list[str]:
        return [
            row.id
            for row in self.store.invocations.values()
            if row.target.service == ORDER.service and not isinstance(row.status, Ended) and decode(row.input).doomed
        ]

    def outcomes(self) -> list[Outcome]:
        """What callers were told, in the order in which they called."""
        return [self.answers[id] for id in self.accepted.values()]

    def balances(self) -> dict[str, bytes]:
        return {key: state["balance"] for (_, key), state in self.store.states.items()}


@given(
    wanted=st.lists(st.one_of(programs, programs, doomed_programs), min_size=1, max_size=5),
    owners=st.lists(st.integers(0, 2), min_size=2, max_size=5),
    seed=st.integers(0, 2**32),
)
def test_programs_come_to_the_same_wherever_their_partitions_are(
    wanted: list[Program], owners: list[int], seed: int
) -> None:
    together, apart = Village(seed, *[0] * len(owners)), Village(seed, *owners)
    for village in (together, apart):
        village.come_to_an_end(wanted)

    assert apart.outcomes() == together.outcomes()
    assert apart.balances() == together.balances()
    assert together.store.channels == {}, "what is at one node needs no messages"
    for village in (together, apart):
        assert all(isinstance(row.status, Ended) for row in village.store.invocations.values())
        assert village.store.objects == {}
        assert village.is_quiet()
    sent = {(*way, seq) for way, channel in apart.store.channels.items() for seq in range(1, channel.sent + 1)}
    assert apart.counted == Counter(dict.fromkeys(sent, 1))
    expected = Expected()
    for program, outcome in zip(wanted, apart.outcomes(), strict=True):
        worth = expected.worth(program)
        if not program.doomed:
            assert outcome.value == (b"" if worth is None else b"%d" % worth)
