"""The invocation machine: one attempt, from its first frame to its last.

The shell feeds it what the handler does (``issue``, ``read_state``, ``end``), what its steps do, and the frames of the
node; it gives back entries for the node (``take_entries``), steps to start (``take_startable``) and news for the
handler (``next_settled``). The handler sees results, and its cancellation, in the order of the journal, and only while
it waits: so what it does depends on the journal alone, and never on when a frame arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AwakeableCommand,
    Cancellation,
    ClearAllStateCommand,
    Completion,
    Entry,
    Failure,
    StepFailure,
)
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure.vm.errors import JournalMismatch, ProtocolViolation
from perdure.vm.replay import Arrival, Failures, Replay
from perdure.vm.state import StateView, is_silent, read_in, write_entry
from perdure.vm.step import Executing, Granted, Reported, Requested, Step


@dataclass(frozen=True, slots=True)
class Settled:
    """A result that the handler sees now."""

    command: int
    result: bytes | Failure


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The handler sees now that its invocation was cancelled."""


class Machine:
    """One attempt of one invocation.

    Attributes:
        now_ms: The time that the handler reads, in milliseconds since the epoch.
        issued: Commands that the handler has issued in this attempt.
    """

    __slots__ = (
        "_cancelled",
        "_entries",
        "_known",
        "_open",
        "_recorded",
        "_replay",
        "_startable",
        "_state",
        "_steps",
        "_waiting",
        "issued",
        "now_ms",
    )

    def __init__(self, start: Start) -> None:
        """Begins an attempt.

        Raises:
            ProtocolViolation: The journal makes no sense.
        """
        self.now_ms = start.created_at_ms
        self.issued = 0
        self._replay = Replay(start.journal)
        self._recorded = len(self._replay.commands)
        self._waiting = self._replay.arrivals
        # Commands whose result this machine has, seen by the handler or not.
        self._known = {arrival.news.command for arrival in self._waiting if isinstance(arrival.news, Completion)}
        self._cancelled = any(isinstance(arrival.news, Cancellation) for arrival in self._waiting)
        # Commands that wait for theirs, and whether each is a step.
        self._open = self._replay.open
        self._state = StateView(start.state, complete=not start.partial_state)
        self._steps: dict[int, Step] = {}
        self._entries: list[Entry] = []
        self._startable: list[int] = []

    # What the handler does.

    @property
    def replaying(self) -> bool:
        """Whether the journal has commands that the handler has not repeated yet."""
        return self.issued < self._recorded

    def issue(self, entry: Entry) -> int:
        """Takes the handler's next command and gives its ordinal.

        Raises:
            JournalMismatch: The journal has another command here.
        """
        for read in self._state.take_unrecorded():
            self._append(read)
        ordinal = self._append(entry)
        if is_silent(entry):
            self._state.apply(entry)
            return ordinal
        step = entry.HasField("run")
        if ordinal >= self._recorded:
            self._open[ordinal] = step
        if step and ordinal in self._open:
            self._request_step(ordinal)
        return ordinal

    def awakeable(self, new_id: str, type: str) -> tuple[int, str]:
        """Takes an awakeable, and gives its ordinal and its id: the new one, or in a replay that of the journal.

        Raises:
            JournalMismatch: The journal has another command here.
        """
        recorded = self._next_recorded()
        if recorded is not None and recorded.HasField("awakeable"):
            new_id = recorded.awakeable.id
        return self.issue(Entry(awakeable=AwakeableCommand(id=new_id, type=type))), new_id

    def reads_by_command(self, name: str) -> bool:
        """Whether a name of the state must be read by a command, whose result ``learn_state`` then takes."""
        if self._state.knows(name):
            return False
        recorded = self._next_recorded()
        return recorded.HasField("get_state") if recorded is not None else not self._state.has(name)

    def learn_state(self, name: str, value: bytes | None) -> None:
        """Remembers what a command has read."""
        self._state.learn(name, value)

    def read_state(self, name: str) -> bytes | None:
        """The value of a name of the state, None where it is not set.

        Raises:
            JournalMismatch: The journal has another command here.
        """
        recorded = self._next_recorded()
        if recorded is not None and not self._state.knows(name):
            if read_in(recorded) != name:
                raise self._replay.mismatch(self.issued, f"read state {name!r}")
            self.issued += 1
            self._state.apply(recorded)
        return self._state.read(name)

    def write_state(self, name: str, value: bytes | None) -> None:
        """Sets a name of the state, or with None clears it.

        Raises:
            JournalMismatch: The journal has another command here.
        """
        self.issue(write_entry(name, value))

    def clear_state(self) -> None:
        """Clears all names of the state.

        Raises:
            JournalMismatch: The journal has another command here.
        """
        self.issue(Entry(clear_all_state=ClearAllStateCommand()))

    def end(self) -> None:
        """The handler has ended with a result or a terminal error.

        Raises:
            JournalMismatch: The journal has more commands.
        """
        if self.replaying:
            raise self._replay.mismatch(self.issued, "its end")

    def next_settled(self) -> Settled | Cancelled | None:
        """Lets the handler see the next result, or its cancellation, if there is one that it may see now."""
        if not self._waiting or self._waiting[0].after > self.issued:
            return None
        news = self._waiting.popleft().news
        # A handler never sees time go back, whatever the clocks of two nodes say.
        self.now_ms = max(self.now_ms, news.at_ms)
        if isinstance(news, Cancellation):
            return Cancelled()
        return Settled(news.command, news.failure if news.HasField("failure") else news.value)

    @property
    def steps_open(self) -> bool:
        """Whether a step that the handler asked for runs, or waits for its start or its place in the journal."""
        return any(not isinstance(step, Granted) for step in self._steps.values())

    def stuck(self, awaited: Sequence[int]) -> JournalMismatch | None:
        """Why a handler that waits for these commands will never go on: the journal has it issue another one first."""
        if not self.replaying or (self._waiting and self._waiting[0].after <= self.issued):
            return None
        names = ", ".join(f"command {command}" for command in awaited) or "something outside"
        return self._replay.mismatch(self.issued, f"a wait for {names}")

    @property
    def cancelled(self) -> bool:
        """Whether the invocation was cancelled, be it that the handler has not seen it yet."""
        return self._cancelled

    # What its steps do.

    def step_ended(self, command: int, result: bytes | Failure, at_ms: int) -> None:
        """The step has a result; the handler sees it once the journal has it."""
        self._executing(command)
        completion = Completion(command=command, at_ms=at_ms)
        if isinstance(result, bytes):
            completion.value = result
        else:
            completion.failure.CopyFrom(result)
        self._steps[command] = Reported(completion)
        self._entries.append(Entry(completion=completion))

    def give_up_step(self, command: int, failure: Failure, at_ms: int) -> None:
        """A step that has not begun in this attempt ends without having run; one that has its result keeps it."""
        if command in self._open:
            completion = Completion(command=command, at_ms=at_ms, failure=failure)
            self._steps[command] = Reported(completion)
            self._entries.append(Entry(completion=completion))
            if command in self._startable:
                self._startable.remove(command)

    def step_failed(self, command: int, message: str, at_ms: int) -> None:
        """An execution of the step failed and will be repeated."""
        before = self._executing(command).failures
        first_ms = before.first_ms if before.count else at_ms
        self._steps[command] = Executing(Failures(before.count + 1, first_ms))
        self._entries.append(Entry(step_failure=StepFailure(command=command, at_ms=at_ms, message=message)))

    def step_failures(self, command: int) -> Failures:
        """Failed executions of a step that runs, those of earlier attempts included."""
        return self._executing(command).failures

    # What the node sends.

    def on_completion(self, completion: Completion) -> None:
        """A result came from elsewhere.

        Raises:
            ProtocolViolation: The command does not wait for one.
        """
        if completion.command in self._known:
            return
        if self._open.get(completion.command) is not False:
            raise ProtocolViolation(
                f"command {completion.command} completed, but it is no command that waits for a result of the runtime"
            )
        self._arrive(completion)

    def on_cancellation(self, cancellation: Cancellation) -> None:
        """The invocation was cancelled."""
        if not self._cancelled:
            self._cancelled = True
            self._waiting.append(Arrival(self._recorded, cancellation))

    def on_accepted(self, command: int, at_ms: int) -> None:
        """The result of a step stands in the journal.

        Raises:
            ProtocolViolation: No result of it was sent.
        """
        if command in self._known:
            return
        match self._steps.get(command):
            case Reported(completion):
                completion.at_ms = at_ms
                del self._steps[command]
                self._arrive(completion)
            case other:
                raise ProtocolViolation(
                    f"the result of command {command} was accepted, but none was sent: it is {other}"
                )

    def on_grant(self, command: int) -> None:
        """A step may start.

        Raises:
            ProtocolViolation: There is no such step.
        """
        if command in self._known:
            return
        step = self._steps.get(command)
        match step:
            case None if self._open.get(command):
                self._steps[command] = Granted()
            case None:
                raise ProtocolViolation(f"command {command} was granted its start, but it is no step that waits for it")
            case Requested():
                self._start_step(command)
            case Granted() | Executing() | Reported():
                pass  # A grant that comes twice.
            case _:
                assert_never(step)

    # What is to be done outside.

    def take_entries(self) -> list[Entry]:
        """New entries for the node."""
        if not self._entries:
            return []
        entries, self._entries = self._entries, []
        return entries

    def take_startable(self) -> list[int]:
        """Steps whose function is to run now."""
        if not self._startable:
            return []
        startable, self._startable = self._startable, []
        return startable

    def _next_recorded(self) -> Entry | None:
        """The command that the journal has next, if the handler still replays it."""
        return self._replay.commands[self.issued].entry if self.replaying else None

    def _append(self, entry: Entry) -> int:
        ordinal = self.issued
        if ordinal < self._recorded:
            self._replay.check(ordinal, entry)
        else:
            self._entries.append(entry)
        self.issued += 1
        return ordinal

    def _request_step(self, command: int) -> None:
        if command in self._steps:
            self._start_step(command)
        else:
            self._steps[command] = Requested()

    def _start_step(self, command: int) -> None:
        self._steps[command] = Executing(self._replay.step_failures.get(command, Failures(0, 0)))
        self._startable.append(command)

    def _executing(self, command: int) -> Executing:
        match self._steps.get(command):
            case Executing() as executing:
                return executing
            case other:
                raise ProtocolViolation(f"command {command} is no step that runs: it is {other}")

    def _arrive(self, completion: Completion) -> None:
        del self._open[completion.command]
        self._known.add(completion.command)
        # The journal got it after all that it had at the start.
        self._waiting.append(Arrival(self._recorded, completion))
