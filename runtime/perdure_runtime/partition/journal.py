"""A journal in memory, with what the partition asks of it most."""

from collections.abc import Iterable

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

NOTIFICATIONS = frozenset({"completion", "step_failure"})
SILENT = frozenset({"set_state", "clear_state"})


class Journal:
    """All entries of an invocation in order; the entry at position i has journal index i.

    ``commands`` is the number of commands, ``open_steps`` the ordinals of the steps without a result.
    """

    __slots__ = ("_settled", "_silent", "_step_failures", "commands", "entries", "open_steps")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = []
        self.commands = 0
        self.open_steps: dict[int, None] = {}
        self._settled: set[int] = set()
        # Commands that are done once they stand here: nothing ever completes them.
        self._silent: set[int] = set()
        self._step_failures: dict[int, int] = {}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        """Adds the next entry."""
        self.entries.append(entry)
        match entry.WhichOneof("entry"):
            case "completion":
                self._settled.add(entry.completion.command)
                self.open_steps.pop(entry.completion.command, None)
            case "step_failure":
                step = entry.step_failure.command
                self._step_failures[step] = self._step_failures.get(step, 0) + 1
            case "run":
                self.open_steps[self.commands] = None
                self.commands += 1
            case kind:
                if kind in SILENT:
                    self._silent.add(self.commands)
                self.commands += 1

    def completes(self, command: int) -> bool:
        """Whether this is a command that has its completion, or will have it."""
        return command < self.commands and command not in self._silent

    def settled(self, command: int) -> bool:
        """Whether a command has its completion."""
        return command in self._settled

    def step_failures(self, command: int) -> int:
        """How often a step has failed so far."""
        return self._step_failures.get(command, 0)

    def __len__(self) -> int:
        return len(self.entries)
