"""A journal as a timeline: each command with its result, and since when and until when it was under way.

A journal says when results came, and nothing of when commands were issued. A handler issues a command after what came
last before it, so that is the earliest that it can have begun.
"""

from collections.abc import Sequence

from perdure_protos.perdure.admin.v1.invocations_pb2 import JournalEntry
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, StepFailure

from perdure_runtime.contracts.commands import Writer, show_command, show_result
from perdure_runtime.contracts.showing import payload
from perdure_runtime.partition.journal import SILENT, is_command


class Timeline:
    """One journal. Index i of ``entries`` is journal index i."""

    def __init__(self, writer: Writer, created_at_ms: int, entries: Sequence[Entry]) -> None:
        self._writer = writer
        self._entries = entries
        # Journal indexes of the commands, by ordinal.
        self._commands: list[int] = []
        self._ordinals: dict[int, int] = {}
        self._began_ms: list[int] = []
        self._completions: dict[int, Completion] = {}
        self._failures: dict[int, list[StepFailure]] = {}
        last_ms = created_at_ms
        for index, entry in enumerate(entries):
            if is_command(entry):
                self._ordinals[index] = len(self._commands)
                self._commands.append(index)
                self._began_ms.append(last_ms)
            elif entry.HasField("completion"):
                self._completions[entry.completion.command] = entry.completion
                last_ms = max(last_ms, entry.completion.at_ms)
            elif entry.HasField("step_failure"):
                self._failures.setdefault(entry.step_failure.command, []).append(entry.step_failure)
                last_ms = max(last_ms, entry.step_failure.at_ms)
            elif entry.HasField("cancellation"):
                last_ms = max(last_ms, entry.cancellation.at_ms)

    def shown(self, index: int) -> JournalEntry:
        """One entry."""
        ordinal = self._ordinals.get(index)
        shown = self._notification(self._entries[index]) if ordinal is None else self._command(ordinal)
        shown.index = index
        return shown

    def awaited(self) -> list[str]:
        """The commands that have no result yet and will have one, in words."""
        found: list[str] = []
        for ordinal, index in enumerate(self._commands):
            entry = self._entries[index]
            if ordinal in self._completions or entry.WhichOneof("entry") in SILENT:
                continue
            failures = self._failures.get(ordinal, ())
            failed = f", which has failed {len(failures)} times: {failures[-1].message}" if failures else ""
            found.append(show_command(self._writer, entry).summary + failed)
        return found

    def _command(self, ordinal: int) -> JournalEntry:
        entry = self._entries[self._commands[ordinal]]
        shown = show_command(self._writer, entry)
        shown.command = ordinal
        shown.began_at_ms = self._began_ms[ordinal]
        failures = self._failures.get(ordinal)
        if failures:
            shown.failures, shown.last_error = len(failures), failures[-1].message
        completion = self._completions.get(ordinal)
        if completion is not None:
            show_result(self._writer, entry, completion, shown)
        elif entry.WhichOneof("entry") in SILENT:
            shown.completed_at_ms = shown.began_at_ms
        return shown

    def _notification(self, entry: Entry) -> JournalEntry:
        kind = entry.WhichOneof("entry")
        shown = JournalEntry(kind=kind or "unknown", notification=True)
        match kind:
            case "completion":
                shown.completed_at_ms = entry.completion.at_ms
                self._of_command(shown, entry.completion.command)
                if shown.command < len(self._commands):
                    command = self._entries[self._commands[shown.command]]
                    show_result(self._writer, command, entry.completion, shown)
            case "step_failure":
                shown.completed_at_ms = entry.step_failure.at_ms
                shown.last_error = entry.step_failure.message
                self._of_command(shown, entry.step_failure.command)
            case "signal":
                shown.name = entry.signal.name
                shown.summary = f"signal {shown.name!r}, which nobody awaited yet"
                result = entry.signal.result
                if result.HasField("failure"):
                    shown.error.CopyFrom(self._writer.showing.error(result.failure, self._writer.service))
                else:
                    shown.output.CopyFrom(payload(None, result.value))
            case "cancellation":
                shown.summary = "cancellation"
                shown.completed_at_ms = entry.cancellation.at_ms
            case _:
                shown.summary = "an entry of an unknown kind"
        return shown

    def _of_command(self, shown: JournalEntry, ordinal: int) -> None:
        what = "result" if shown.kind == "completion" else "failure"
        shown.command = ordinal
        shown.summary = f"{what} of command {ordinal}"
        if ordinal < len(self._commands):
            shown.summary += f": {show_command(self._writer, self._entries[self._commands[ordinal]]).summary}"
