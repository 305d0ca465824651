"""The journal of an invocation, as a test looks at it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from perdure import Endpoint
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Target

from perdure_runtime.partition.journal import NOTIFICATIONS
from perdure_runtime.partition.rows import Ended
from perdure_runtime.testing.record import Recorded
from perdure_runtime.testing.values import outcome_text, request_text, result_text
from perdure_runtime.testing.wording import command_text, duration_text

# What differs between two runs of one test: ids of invocations and awakeables, and UUIDs.
ID = re.compile(r"(?P<awk>awk_\w+)|(?P<inv>inv_[0-9A-Z]{26})|(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry.

    Attributes:
        index: Its place, from 0.
        kind: Its name in the protocol: "run", "sleep", "completion".
        text: What it says, in few words.
        message: All of it, as the runtime has it.
    """

    index: int
    kind: str
    text: str
    message: Entry


class InvocationJournal:
    """What became durable of one invocation. ``str()`` of it is the same in every run of a test that is deterministic.

    Attributes:
        invocation_id: The invocation.
        handler: Its handler, such as "shop.v1.OrderService/Process".
        entries: All entries, in order.
        commands: What the handler asked for, in order: ``run 'charge'``, ``sleep 7 days``.
        steps: The names of its steps, in order.
    """

    def __init__(self, recorded: Recorded, endpoint: Endpoint) -> None:
        self._recorded = recorded
        self._endpoint = endpoint
        self.invocation_id = recorded.row.id
        self.handler = f"{recorded.row.target.service}/{recorded.row.target.handler}"
        self.entries = tuple(
            JournalEntry(index, entry.WhichOneof("entry") or "", recorded.text(entry), entry)
            for index, entry in enumerate(recorded.entries)
        )
        self.commands = [command_text(command) for command in recorded.commands]
        self.steps = [command.run.name for command in recorded.commands if command.HasField("run")]

    def assert_steps(self, *names: str) -> None:
        """The handler asked for these steps and no others, in this order. Raises AssertionError."""
        if self.steps != list(names):
            raise AssertionError(f"the steps are {self.steps}, not {list(names)}\n{self}")

    def assert_commands(self, commands: list[str]) -> None:
        """The handler asked for these things and nothing else, in this order. Raises AssertionError."""
        if self.commands != commands:
            raise AssertionError(f"the commands are {self.commands}, not {commands}\n{self}")

    def assert_has(self, command: str) -> None:
        """The handler asked for this, among other things. Raises AssertionError."""
        if command not in self.commands:
            raise AssertionError(f"no command is {command!r}\n{self}")

    def __str__(self) -> str:
        return _with_stable_ids("\n".join(self._lines()))

    def __repr__(self) -> str:
        return f"<journal of {self.handler} ({self.invocation_id}), {len(self.entries)} entries>"

    def _lines(self) -> Iterator[str]:
        row = self._recorded.row
        target = Target(service=row.target.service, handler=row.target.handler, key=row.target.key)
        yield f"{self._recorded.label} {request_text(target, row.input, self._endpoint)}"
        for entry in self.entries:
            yield f"{entry.index:3} {self._line(entry.message)}"
        if isinstance(row.status, Ended):
            yield f"  = {outcome_text(target, row.status.outcome, self._endpoint)}{self._when(row.status.at_ms)}"
        else:
            yield f"  … {type(row.status).__name__.lower()}"

    def _line(self, entry: Entry) -> str:
        match entry.WhichOneof("entry"):
            case "call":
                return f"{command_text(entry)} {request_text(entry.call.target, entry.call.input, self._endpoint)}"
            case "send":
                return f"{command_text(entry)} {request_text(entry.send.target, entry.send.input, self._endpoint)}"
            case "completion":
                completion = entry.completion
                result = result_text(self._recorded.commands[completion.command], completion, self._endpoint)
                return f"  {self._recorded.text(entry)}: {result}{self._when(completion.at_ms)}"
            case "step_failure":
                failure = entry.step_failure
                return f"  {self._recorded.text(entry)}: {failure.message}{self._when(failure.at_ms)}"
            case kind:
                indent = "  " if kind in NOTIFICATIONS else ""
                return f"{indent}{self._recorded.text(entry)}"

    def _when(self, at_ms: int) -> str:
        passed_ms = at_ms - self._recorded.row.created_at_ms
        return f" (after {duration_text(passed_ms)})" if passed_ms else ""


def _with_stable_ids(text: str) -> str:
    """Numbers ids in the order in which they come up."""
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        number = sum(1 for known in names.values() if known.startswith(kind)) + 1
        return names.setdefault(found[0], f"{kind}_{number}")

    return ID.sub(name, text)
