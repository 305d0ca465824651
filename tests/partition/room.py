"""Where stories are told: a partition with a clock in the test's hand, all that happened written down."""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure, StepFailure
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    CancelInvocation,
    Command,
    CompleteAwakeable,
    EditState,
    Input,
    Kill,
    Pause,
    Purge,
    Restart,
    Resume,
    SettlePromise,
    SignalInvocation,
    StepEnded,
    StepFailed,
    Submit,
    TimerDue,
)
from perdure_runtime.partition.machine import Step, apply
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import SHARED, IdempotencyKey, Invocation, Mark, Mode, Status, Target, Timer
from perdure_runtime.partition.view import NotLoaded

from tests.partition.samples import EMAIL, FOREVER, ONE_RUN, ORDER, SIGNUP, call, completion, outcome
from tests.partition.store import ONE, Store

NOW_MS = 1_700_000_000_000


class Room:
    """Applies inputs, and keeps their writes both in memory and in the store at once."""

    def __init__(self, placement: Placement = ONE) -> None:
        self.store = Store(placement)
        self.memory = Memory(placement)
        self.now_ms = NOW_MS

    @property
    def view(self) -> Store:
        """All rows that the partition may look at."""
        return self.store

    def apply(self, input: Input) -> Step:
        """One input. Each is decided over all rows too: memory that loads must make no difference."""
        expected = apply(self.view, input, self.now_ms)
        step = self._decide(input)
        assert step == expected
        self.memory.absorb(step.writes)
        self.store.write(step.writes)
        return step

    def _decide(self, input: Input) -> Step:
        while True:
            try:
                return apply(self.memory, input, self.now_ms)
            except NotLoaded as missing:
                self.memory.load(missing.document, self.store.load(missing.document))

    def row(self, id: str) -> Invocation:
        return self.store.invocations[id]

    def status(self, id: str) -> Status:
        return self.row(id).status

    def journal(self, id: str) -> list[Entry]:
        return self.store.journals.get(id, [])

    def submit(
        self,
        id: str,
        target: Target = ORDER,
        *,
        mode: Mode = SHARED,
        input: bytes = b"",
        idempotency_key: str = "",
        delay_ms: int = 0,
        must_be_new: bool = False,
        mark: Mark | None = None,
    ) -> Step:
        return self.apply(
            Submit(
                id,
                target,
                mode,
                input,
                idempotency_key=idempotency_key,
                delay_ms=delay_ms,
                must_be_new=must_be_new,
                mark=mark,
            )
        )

    def run(self, id: str, target: Target = SIGNUP, *, idempotency_key: str = "", must_be_new: bool = False) -> Step:
        """A caller runs a workflow."""
        return self.submit(id, target, mode=ONE_RUN, idempotency_key=idempotency_key, must_be_new=must_be_new)

    def command(self, id: str, command: int, entry: Entry, *, mode: Mode = SHARED) -> Step:
        return self.apply(Command(id, self.row(id).attempt, command, entry, mode))

    def call(self, id: str = "inv_a", command: int = 0, target: Target = EMAIL, *, idempotency_key: str = "") -> str:
        """A handler calls another one; the id of the callee, if it is a new one."""
        self.command(id, command, call(target, idempotency_key=idempotency_key))
        return self.child(id, command, target, idempotency_key)

    def step_ended(self, id: str, command: int, result: bytes | Failure = b"") -> Step:
        # The time is the endpoint's, and must not reach the journal.
        return self.apply(StepEnded(id, self.row(id).attempt, completion(command, 1, result)))

    def step_failed(self, id: str, command: int, number: int, message: str = "no answer") -> Step:
        failure = StepFailure(command=command, at_ms=1, message=message)
        return self.apply(StepFailed(id, self.row(id).attempt, failure, number))

    def end(self, id: str, result: bytes | Failure = b"", execution: Execution = FOREVER) -> Step:
        return self.apply(AttemptEnded(id, self.row(id).attempt, outcome(result), execution))

    def fail(self, id: str, failure: AttemptFailure | None = None, execution: Execution = FOREVER) -> Step:
        failure = AttemptFailure(message="boom") if failure is None else failure
        return self.apply(AttemptFailed(id, self.row(id).attempt, failure, execution))

    def suspend(self, id: str, *awaiting: int, cancelled: bool = False) -> Step:
        return self.apply(AttemptSuspended(id, self.row(id).attempt, awaiting, cancelled))

    def lose(self, id: str) -> Step:
        return self.apply(AttemptLost(id, self.row(id).attempt))

    def resume(self, id: str) -> Step:
        return self.apply(Resume(id))

    def edit(self, target: Target, version: str, *changes: tuple[str, bytes | None]) -> Step:
        return self.apply(EditState(target.service, target.key, version, changes))

    def settle(self, target: Target, name: str, result: bytes | Failure) -> Step:
        return self.apply(SettlePromise(target.service, target.key, name, outcome(result)))

    def pause(self, id: str) -> Step:
        return self.apply(Pause(id))

    def cancel(self, id: str) -> Step:
        return self.apply(CancelInvocation(id))

    def kill(self, id: str) -> Step:
        return self.apply(Kill(id))

    def restart(self, id: str, new_id: str, commands: int = 0) -> Step:
        return self.apply(Restart(id, new_id, commands))

    def signal(self, id: str, name: str, result: bytes | Failure = b"") -> Step:
        return self.apply(SignalInvocation(id, name, outcome(result)))

    def complete_awakeable(self, id: str, result: bytes | Failure = b"") -> Step:
        return self.apply(CompleteAwakeable(id, outcome(result)))

    def purge(self, id: str, *, now: bool = False) -> Step:
        return self.apply(Purge(id, now))

    def child(self, parent: str, command: int, target: Target, idempotency_key: str = "") -> str:
        """The id of what a command of a handler made, now."""
        named = target.key or idempotency_key
        place = ids.place_of_name(IdempotencyKey(target, idempotency_key)) if named else ids.place_of(parent)
        return ids.child(self.now_ms, parent, command, place)

    def result(self, id: str, command: int) -> bytes | Failure | None:
        """What a command has completed with."""
        for entry in self.journal(id):
            if entry.HasField("completion") and entry.completion.command == command:
                done = entry.completion
                return done.failure if done.HasField("failure") else done.value
        return None

    def timer(self) -> Timer:
        """The one timer that is set."""
        (timer,) = self.store.timers
        return timer

    def fire(self, timer: Timer) -> Step:
        """The time of a timer comes."""
        self.now_ms = max(self.now_ms, timer.due_ms)
        return self.apply(TimerDue(timer))

    def started(self, id: str) -> Invocation:
        """The row of a running invocation one attempt later."""
        return replace(self.row(id), attempt=self.row(id).attempt + 1)
