"""The journal of earlier attempts: what the handler must repeat, and when it saw what came back."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation, Completion, Entry

from perdure.vm.describe import describe
from perdure.vm.errors import JournalMismatch, ProtocolViolation
from perdure.vm.headers import take_added
from perdure.vm.state import is_silent

HELP = (
    "deploy code that repeats the journal, or start changed code as a new deployment for new invocations; "
    "whatever can differ between two runs belongs into a step, ctx.run"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command of the journal and its place there."""

    index: int
    entry: Entry


News: TypeAlias = Completion | Cancellation


@dataclass(frozen=True, slots=True)
class Arrival:
    """A result, or the cancellation, that the handler has not seen yet.

    Attributes:
        after: It stands in the journal after this many commands; the handler issues them all before it sees it.
    """

    after: int
    news: News


@dataclass(slots=True)
class Failures:
    """Failed executions of a step.

    Attributes:
        first_ms: When the first of them was journaled.
    """

    count: int
    first_ms: int


class Replay:
    """A journal, split into the commands to repeat and what comes back on the way.

    Attributes:
        commands: In program order.
        arrivals: In the order in which they came.
        open: Ordinals of the commands that still wait for a result, and whether each is a step.
        step_failures: By ordinal of the step.
    """

    __slots__ = ("arrivals", "commands", "open", "step_failures")

    def __init__(self, journal: Iterable[Entry]) -> None:
        """Reads a journal.

        Raises:
            ProtocolViolation: It makes no sense.
        """
        self.commands: list[Recorded] = []
        self.arrivals: deque[Arrival] = deque()
        self.open: dict[int, bool] = {}
        self.step_failures: dict[int, Failures] = {}
        for index, entry in enumerate(journal):
            match entry.WhichOneof("entry"):
                case "completion":
                    command = entry.completion.command
                    if self.open.pop(command, None) is None:
                        raise ProtocolViolation(
                            f"entry {index} of the journal completes command {command}, which awaits no result"
                        )
                    self.arrivals.append(Arrival(len(self.commands), entry.completion))
                case "cancellation":
                    self.arrivals.append(Arrival(len(self.commands), entry.cancellation))
                case "step_failure":
                    self._fail(index, entry.step_failure.command, entry.step_failure.at_ms)
                case "signal":
                    pass  # The runtime completes the wait that takes it.
                case None:
                    raise ProtocolViolation(
                        f"entry {index} of the journal is of a kind that this SDK does not know: it was written by a "
                        "newer one; update this endpoint"
                    )
                case _:
                    if not is_silent(entry):
                        self.open[len(self.commands)] = entry.HasField("run")
                    self.commands.append(Recorded(index, entry))

    def check(self, ordinal: int, replayed: Entry) -> None:
        """Compares a command with the journal's at the same place.

        Raises:
            JournalMismatch: They differ.
        """
        recorded = self.commands[ordinal].entry
        if replayed.HasField("call") and recorded.HasField("call"):
            # The runtime noted these; the handler does not know them.
            replayed.call.invocation_id = recorded.call.invocation_id
            replayed.call.kept = recorded.call.kept
            take_added(recorded.call.headers, replayed.call.headers)
        elif replayed.HasField("send") and recorded.HasField("send"):
            take_added(recorded.send.headers, replayed.send.headers)
        elif replayed.HasField("set_state") and recorded.HasField("set_state"):
            replayed.set_state.read = recorded.set_state.read
        elif replayed.HasField("clear_state") and recorded.HasField("clear_state"):
            replayed.clear_state.read = recorded.clear_state.read
        if recorded != replayed:
            raise self.mismatch(ordinal, describe(replayed))

    def mismatch(self, ordinal: int, replayed: str) -> JournalMismatch:
        """The error of a handler that did something else than the command of this ordinal."""
        recorded = self.commands[ordinal]
        return JournalMismatch(index=recorded.index, recorded=describe(recorded.entry), replayed=replayed, help=HELP)

    def _fail(self, index: int, step: int, at_ms: int) -> None:
        if not self.open.get(step):
            raise ProtocolViolation(
                f"entry {index} of the journal fails command {step}, which is no step that awaits a result"
            )
        failures = self.step_failures.setdefault(step, Failures(0, at_ms))
        failures.count += 1
