"""What has been done to a partition, written down beside it: what its rows must come to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, InvocationName, Outcome
from perdure_runtime.partition.input import Command, EditState, Input, Purge, Receive, Restart, SignalInvocation
from perdure_runtime.partition.journal import NOTIFICATIONS, Journal
from perdure_runtime.partition.rows import Ended, IdempotencyKey, Invocation, Running, Target

from tests.partition.store import Store

States = dict[tuple[str, str], dict[str, bytes]]
Signals = dict[tuple[str, str], list[Outcome]]


@dataclass
class Model:
    """The state that writers have made, and the signals that were sent, by invocation and name."""

    written: States = field(default_factory=dict)
    sent: Signals = field(default_factory=dict)

    def copy(self) -> "Model":
        """The same, to be changed apart."""
        written = {place: dict(state) for place, state in self.written.items()}
        return Model(written, {to: list(results) for to, results in self.sent.items()})

    def note(self, before: Store, input: Input, after: Store) -> None:
        """An input was applied."""
        match input:
            case SignalInvocation(id, name, result):
                self._send(before, before.invocations.get(id), name, result)
            case EditState():
                for name, value in input.changes:
                    self._put((input.service, input.key), name, value)
            case Command():
                self._note_command(before, input, after)
            case Receive(source, destination, seq, message) if message.HasField("ask"):
                if seq == before.arrived.get((source, destination), 0) + 1:
                    self._note_signal(before, message.ask.command)
            case Purge(id) if id in before.invocations:
                self._note_purge(before, before.invocations[id], after)
            case Restart(_, new_id) if new_id not in before.invocations and new_id in after.invocations:
                for name, results in results_of_waits(after.journal(new_id).entries).items():
                    self.sent[new_id, name] = [result for result in results if result is not None]
            case _:
                pass  # Nothing that is written down here.

    def check(self, rows: Store) -> None:
        """Raises AssertionError where the rows have come to something else."""
        assert {place: state for place, state in rows.states.items() if state} == self.written
        for id, row in rows.invocations.items():
            if not isinstance(row.status, Ended):
                self._check_signals(id, rows.journal(id).entries)

    def _check_signals(self, id: str, entries: Sequence[Entry]) -> None:
        waits = results_of_waits(entries)
        for name in {name for to, name in self.sent if to == id}.union(waits):
            sent, got = self.sent.get((id, name), []), waits.get(name, [])
            due = sent[: len(got)]
            assert got == due + [None] * (len(got) - len(due)), f"signals {name} of {id} are lost, or out of order"

    def _note_command(self, before: Store, input: Command, after: Store) -> None:
        row, entry = before.invocations[input.invocation_id], input.entry
        is_next = input.command == Journal(before.journals.get(row.id, ())).commands
        if not (is_next and isinstance(row.status, Running) and row.attempt == input.attempt):
            return
        if entry.HasField("send_signal"):
            new = [message for place, message in after.outbox.items() if place not in before.outbox]
            if not any(message.HasField("ask") for message in new):
                self._note_signal(before, entry)
        elif row.mode.exclusive:
            self._write((row.target.service, row.target.key), entry)

    def _note_signal(self, before: Store, entry: Entry) -> None:
        if entry.HasField("send_signal"):
            signal = entry.send_signal
            self._send(before, named(before, signal.invocation), signal.name, signal.result)

    def _send(self, before: Store, to: Invocation | None, name: str, result: Outcome) -> None:
        if to is not None and not isinstance(to.status, Ended):
            self.sent.setdefault((to.id, name), []).append(result)

    def _write(self, place: tuple[str, str], entry: Entry) -> None:
        if entry.HasField("set_state"):
            self._put(place, entry.set_state.name, entry.set_state.value)
        elif entry.HasField("clear_state"):
            self._put(place, entry.clear_state.name, None)
        elif entry.HasField("clear_all_state"):
            self.written.pop(place, None)

    def _put(self, place: tuple[str, str], name: str, value: bytes | None) -> None:
        if value is not None:
            self.written.setdefault(place, {})[name] = value
            return
        self.written.get(place, {}).pop(name, None)
        if not self.written.get(place, {}):
            self.written.pop(place, None)

    def _note_purge(self, before: Store, row: Invocation, after: Store) -> None:
        name = IdempotencyKey(row.target, "")
        if row.mode.once and before.keys.get(name) == row.id and name not in after.keys:
            self.written.pop((row.target.service, row.target.key), None)


def named(rows: Store, name: InvocationName) -> Invocation | None:
    """The invocation of a name."""
    if name.HasField("workflow"):
        target = Target(name.workflow.service, name.workflow.handler, name.workflow.key)
        return rows.invocations.get(rows.keys.get(IdempotencyKey(target, ""), ""))
    return rows.invocations.get(name.invocation_id)


def results_of_waits(entries: Sequence[Entry]) -> dict[str, list[Outcome | None]]:
    """What each wait for a signal has got, by name, in the order of the waits."""
    results = dict(_results(entries))
    waits: dict[str, list[Outcome | None]] = {}
    commands = [entry for entry in entries if entry.WhichOneof("entry") not in NOTIFICATIONS]
    for command, entry in enumerate(commands):
        if entry.HasField("await_signal"):
            waits.setdefault(entry.await_signal.name, []).append(results.get(command))
    return waits


def _results(entries: Sequence[Entry]) -> Iterator[tuple[int, Outcome]]:
    for entry in entries:
        if entry.HasField("completion"):
            done = entry.completion
            failed = done.HasField("failure")
            yield done.command, Outcome(failure=done.failure) if failed else Outcome(value=done.value)
