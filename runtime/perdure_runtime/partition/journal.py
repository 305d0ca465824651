"""A journal in memory, with what the partition asks of it most."""

from collections.abc import Iterable

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AwaitSignalCommand,
    AwakeableCommand,
    CallCommand,
    Entry,
    Outcome,
)

NOTIFICATIONS = frozenset({"completion", "step_failure", "signal", "cancellation"})
SILENT = frozenset({"set_state", "clear_state", "clear_all_state"})


def is_command(entry: Entry) -> bool:
    """Whether an entry is a command, and not what came back."""
    return entry.WhichOneof("entry") not in NOTIFICATIONS


class Journal:
    """All entries of an invocation in order; the entry at position i has journal index i.

    Attributes:
        awakeables: Ordinals and commands of the awakeables, by id.
        commands: The number of commands.
        open_steps: Ordinals of the steps without a result.
        open_calls: The calls without a result, by ordinal.
        signals: Signals that no wait has taken yet, by name, the oldest first.
        signal_waits: Ordinals of the waits for a signal without a result, by name, the oldest first.
    """

    __slots__ = (
        "_settled",
        "_silent",
        "_step_failures",
        "_waits",
        "awakeables",
        "commands",
        "entries",
        "open_calls",
        "open_steps",
        "signal_waits",
        "signals",
    )

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = []
        self.awakeables: dict[str, tuple[int, AwakeableCommand]] = {}
        self.commands = 0
        self.open_steps: dict[int, None] = {}
        self.open_calls: dict[int, CallCommand] = {}
        self.signals: dict[str, list[Outcome]] = {}
        self.signal_waits: dict[str, list[int]] = {}
        self._settled: set[int] = set()
        # Commands that are done once they stand here: nothing ever completes them.
        self._silent: set[int] = set()
        self._step_failures: dict[int, int] = {}
        self._waits: dict[int, AwaitSignalCommand] = {}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        """Adds the next entry."""
        self.entries.append(entry)
        match entry.WhichOneof("entry"):
            case "completion":
                self._settle(entry.completion.command)
            case "step_failure":
                step = entry.step_failure.command
                self._step_failures[step] = self._step_failures.get(step, 0) + 1
            case "signal":
                self.signals.setdefault(entry.signal.name, []).append(entry.signal.result)
            case "cancellation":
                pass
            case kind:
                self._open(kind, entry)
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

    def awaited_type(self, signal: str) -> str | None:
        """The message that the oldest wait for a signal takes, by its full name; None where nobody waits."""
        waits = self.signal_waits.get(signal)
        return self._waits[waits[0]].type if waits else None

    def __len__(self) -> int:
        return len(self.entries)

    def _open(self, kind: str | None, entry: Entry) -> None:
        if kind == "run":
            self.open_steps[self.commands] = None
        elif kind == "call":
            self.open_calls[self.commands] = entry.call
        elif kind == "awakeable":
            # An id that came twice is that of the first.
            self.awakeables.setdefault(entry.awakeable.id, (self.commands, entry.awakeable))
        elif kind in SILENT:
            self._silent.add(self.commands)
        elif kind == "await_signal":
            self._waits[self.commands] = entry.await_signal
            self.signal_waits.setdefault(entry.await_signal.name, []).append(self.commands)

    def _settle(self, command: int) -> None:
        self._settled.add(command)
        self.open_steps.pop(command, None)
        self.open_calls.pop(command, None)
        wait = self._waits.pop(command, None)
        if wait is not None:
            name = wait.name
            self.signal_waits[name].remove(command)
            # The first wait takes the first signal: one that was there before the wait is used up by it.
            if self.signals.get(name):
                self.signals[name].pop(0)
