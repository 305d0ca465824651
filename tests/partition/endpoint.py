"""An endpoint in the model: attempts that run programs on real machines, with frames that wait to be delivered."""

from collections import deque
from collections.abc import Generator

from perdure.vm.machine import Cancelled, Machine, Settled
from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation, Entry, Failure
from perdure_runtime.partition.effect import Accept, Grant, Notify, NotifyCancelled, Start
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptSuspended,
    Command,
    Input,
    StepEnded,
    StepFailed,
)
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import SHARED, Target

from tests.partition.programs import (
    FAILED,
    Add,
    Agree,
    Ask,
    Attach,
    Call,
    Deed,
    Forever,
    Note,
    Program,
    Send,
    Share,
    Sleep,
    Step,
    account,
    decode,
    desk,
    shared_program,
)
from tests.partition.samples import (
    ALICE,
    WRITER,
    attach,
    await_signal,
    call,
    complete_promise,
    failure,
    get_promise,
    outcome,
    run,
    send,
    send_signal,
    sleep,
)

EXECUTION = Execution(RetryPolicy(initial_ms=10), outcome_retention_ms=1_000, journal_retention_ms=1_000)
IMPATIENT = Execution(RetryPolicy(max_attempts=1), outcome_retention_ms=1_000, journal_retention_ms=1_000)

# What a handler makes of its cancellation.
CANCELLED = failure("cancelled", code=1)


class CancelledProgram(Exception):
    """Raised in a program where it waits, once its invocation is cancelled."""


# Gives the commands it waits for, gets their results.
Story = Generator[int, bytes | Failure | None, bytes | Failure]


class Attempt:
    """One attempt of an invocation.

    Attributes:
        frames: What it has said, in order, until it is delivered.
        running: Steps that run.
        waits: The command whose result it waits for.
        over: Whether it has said its last word.
        cancelled: Whether its handler has seen the cancellation.
    """

    def __init__(self, start: Start) -> None:
        invocation = start.invocation
        self.id = invocation.id
        self.number = invocation.attempt
        self.frames: deque[Input] = deque()
        self._interrupted = False
        self.running: list[int] = []
        self.waits: int | None = None
        self.over = False
        self.cancelled = False
        first = session_pb2.Start(created_at_ms=1, journal=start.journal, state=start.state)
        self._machine = Machine(first)
        journal = Journal(start.journal)
        self._commands = journal.commands
        self._failures = {step: journal.step_failures(step) for step in journal.open_steps}
        self._worths: dict[int, int] = {}
        self._results: dict[int, bytes | Failure] = {}
        is_account = invocation.target.service == ALICE.service
        self._story = self._add(invocation.input) if is_account else self._run(invocation.input)
        self._look()

    def hear(self, effect: Notify | NotifyCancelled | Accept | Grant) -> None:
        """Takes in what the partition has for it."""
        match effect:
            case Notify():
                self._machine.on_completion(effect.completion)
            case NotifyCancelled():
                self._machine.on_cancellation(Cancellation(at_ms=effect.at_ms))
            case Accept():
                self._machine.on_accepted(effect.command, effect.at_ms)
            case Grant():
                self._machine.on_grant(effect.command)
        self._look()

    def end_step(self, step: int) -> None:
        """A step that runs has its result."""
        self.running.remove(step)
        self._machine.step_ended(step, b"%d" % self._worths[step], at_ms=1)
        self._look()

    def fail_step(self, step: int) -> None:
        """A step that runs fails and is tried again."""
        self._machine.step_failed(step, "timeout", at_ms=1)
        self._flush()

    def suspend(self) -> None:
        """Leaves memory."""
        assert self.waits is not None
        self._say_last(AttemptSuspended(self.id, self.number, (self.waits,), self.cancelled))

    def fail(self, failed: session_pb2.AttemptFailure, execution: Execution) -> None:
        """Gives up for now."""
        self._say_last(AttemptFailed(self.id, self.number, failed, execution))

    def _look(self) -> None:
        while not self.over and self._see():
            try:
                self.waits = self._go_on()
            except StopIteration as end:
                self._machine.end()
                self._flush()
                self._say_last(AttemptEnded(self.id, self.number, outcome(end.value), EXECUTION))
        self._flush()

    def _go_on(self) -> int:
        if self._interrupted:
            self._interrupted = False
            return self._story.throw(CancelledProgram())
        return self._story.send(None if self.waits is None else self._results[self.waits])

    def _see(self) -> bool:
        while self.waits is not None and self.waits not in self._results:
            settled = self._machine.next_settled()
            match settled:
                case None:
                    return False
                case Cancelled():
                    assert not self.cancelled, "it has seen it already"
                    self.cancelled = self._interrupted = True
                    return True
                case Settled():
                    self._results[settled.command] = settled.result
        return True

    def _say_last(self, input: AttemptEnded | AttemptFailed | AttemptSuspended) -> None:
        self.over = True
        self.frames.append(input)

    def _flush(self) -> None:
        self.running.extend(self._machine.take_startable())
        self.frames.extend(self._input(entry) for entry in self._machine.take_entries())

    def _input(self, entry: Entry) -> Input:
        if entry.HasField("completion"):
            return StepEnded(self.id, self.number, entry.completion)
        if entry.HasField("step_failure"):
            step = entry.step_failure.command
            self._failures[step] = self._failures.get(step, 0) + 1
            return StepFailed(self.id, self.number, entry.step_failure, self._failures[step])
        target = entry.call.target if entry.HasField("call") else entry.send.target
        self._commands += 1
        return Command(
            self.id, self.number, self._commands - 1, entry, WRITER if target.service == ALICE.service else SHARED
        )

    def _run(self, input: bytes) -> Story:
        try:
            return (yield from self._do(decode(input)))
        except CancelledProgram:
            undone = self._machine.issue(run("undo"))
            self._worths[undone] = 0
            yield undone
            return CANCELLED

    def _do(self, program: Program) -> Story:
        worth = 0
        issued: list[int] = []
        for deed in program.deeds:
            command = self._issue(deed)
            if isinstance(deed, Attach):
                sent = yield command
                assert isinstance(sent, bytes)
                command = self._machine.issue(attach(sent.decode()))
            if program.at_once:
                issued.append(command)
            else:
                worth += _worth((yield command))
        for command in issued:
            worth += _worth((yield command))
        return failure("as the program says") if program.fails else b"%d" % worth

    def _add(self, input: bytes) -> Story:
        """Reads, does something that can crash in the middle, and writes."""
        balance = int(self._machine.read_state("balance") or 0)
        step = self._machine.issue(run("audit"))
        self._worths[step] = 0
        yield step
        self._machine.write_state("balance", b"%d" % (balance + int(input)))
        return b"0"

    def _issue(self, deed: Deed) -> int:
        match deed:
            case Step(worth):
                command = self._machine.issue(run(f"step worth {worth}"))
                self._worths[command] = worth
                return command
            case Ask(worth):
                id = f"awk_{self.id.removeprefix('inv_')}_{self._machine.issued}_{worth}"
                return self._machine.awakeable(id, "shop.v1.Payment")[0]
            case Note(worth):
                self._machine.issue(send_signal(self.id, "note", b"%d" % worth))
                return self._machine.issue(await_signal("note"))
            case Agree(number):
                self._machine.issue(complete_promise(f"number {number}", b"%d" % number))
                return self._machine.issue(get_promise(f"number {number}"))
            case _:
                return self._machine.issue(_entry(deed, desk(f"{self.id}/{self._machine.issued}")))


def _entry(deed: Sleep | Call | Send | Attach | Add | Share | Forever, where: Target) -> Entry:
    """``where`` runs the programs that are called."""
    match deed:
        case Sleep(ms):
            return sleep(ms)
        case Call(program):
            return call(where, program.encode())
        case Send(program, delay_ms):
            return send(where, program.encode(), delay_ms=delay_ms)
        case Attach(program):
            return send(where, program.encode())
        case Add(key, amount, waits):
            make = call if waits else send
            return make(account(key), b"%d" % amount)
        case Share(number):
            return call(desk(f"shared {number}"), shared_program(number).encode(), idempotency_key=f"shared {number}")
        case Forever():
            return await_signal("never")


def _worth(result: bytes | Failure | None) -> int:
    if isinstance(result, Failure):
        return FAILED
    # What a sleep or a send gives is no number.
    return int(result) if result and result.isdigit() else 0
