"""The journal of earlier attempts: what the handler must repeat, and when it saw what came back."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry

from perdure.vm.describe import describe
from perdure.vm.errors import JournalMismatch, ProtocolViolation
from perdure.vm.state import written

HELP = (
    "deploy code that repeats the journal, or start changed code as a new deployment for new invocations; "
    "whatever can differ between two runs belongs into a step, ctx.run"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command of the journal and its place there."""

    index: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Arrival:
    """A result that the handler has not seen yet.

    Attributes:
        after: It stands in the journal after this many commands; the handler issues them all before it sees the result.
    """

    after: int
    completion: Completion


class Replay:
    """A journal, split into the commands to repeat and the results that come back on the way.

    Attributes:
        commands: In program order.
        arrivals: In the order in which they came.
        open: Ordinals of the commands that still wait for a result, and whether each is a step.
        step_failures: Failed executions so far, by ordinal of the step.
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
        self.step_failures: dict[int, int] = {}
        for index, entry in enumerate(journal):
            match entry.WhichOneof("entry"):
                case "completion":
                    command = entry.completion.command
                    if self.open.pop(command, None) is None:
                        raise ProtocolViolation(
                            f"entry {index} of the journal completes command {command}, which awaits no result"
                        )
                    self.arrivals.append(Arrival(len(self.commands), entry.completion))
                case "step_failure":
                    step = entry.step_failure.command
                    if not self.open.get(step):
                        raise ProtocolViolation(
                            f"entry {index} of the journal fails command {step}, which is no step that awaits a result"
                        )
                    self.step_failures[step] = self.step_failures.get(step, 0) + 1
                case None:
                    raise ProtocolViolation(
                        f"entry {index} of the journal is of a kind that this SDK does not know: it was written by a "
                        "newer one; update this endpoint"
                    )
                case _:
                    if written(entry) is None:
                        self.open[len(self.commands)] = entry.HasField("run")
                    self.commands.append(Recorded(index, entry))

    def check(self, ordinal: int, replayed: Entry) -> None:
        """Compares a command with the journal's at the same place.

        Raises:
            JournalMismatch: They differ.
        """
        recorded = self.commands[ordinal]
        if recorded.entry != replayed:
            raise self.mismatch(ordinal, describe(replayed))

    def mismatch(self, ordinal: int, replayed: str) -> JournalMismatch:
        """The error of a handler that did something else than the command of this ordinal."""
        recorded = self.commands[ordinal]
        return JournalMismatch(index=recorded.index, recorded=describe(recorded.entry), replayed=replayed, help=HELP)
