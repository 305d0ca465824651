"""Everything that became durable during a test, in order: it outlives what the runtime forgets."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.journal import NOTIFICATIONS
from perdure_runtime.partition.rows import Invocation, Paused, Target
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.memory import MemoryStorage
from perdure_runtime.testing.wording import command_text

# Who fails so often in a row will not stop, though production would go on trying.
MANY_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of one journal, told in a way that is the same in every run of a test.

    Attributes:
        label: The invocation: its handler and key, and which one of these it is.
        index: The place in the journal, from 0.
        kind: The entry, by its name in the protocol: "run", "sleep", "completion".
        step: Completions and failures of steps: the name of the step.
        text: What people read.
    """

    invocation_id: str
    label: str
    index: int
    kind: str
    step: str
    text: str

    def __str__(self) -> str:
        return f"entry {self.index} of {self.label} ({self.text})"


@dataclass(slots=True)
class Recorded:
    """An invocation as it is durable: its row, and its journal so far."""

    label: str
    row: Invocation
    entries: list[Entry] = field(default_factory=list)
    commands: list[Entry] = field(default_factory=list)

    def place(self, entry: Entry) -> Place:
        """Where an entry will stand that comes next."""
        kind = entry.WhichOneof("entry") or ""
        return Place(self.row.id, self.label, len(self.entries), kind, self._step(entry), self.text(entry))

    def append(self, entry: Entry) -> None:
        """The next entry is durable."""
        self.entries.append(entry)
        if entry.WhichOneof("entry") not in NOTIFICATIONS:
            self.commands.append(entry)

    def text(self, entry: Entry) -> str:
        """An entry in few words."""
        match entry.WhichOneof("entry"):
            case "completion":
                return f"result of {command_text(self.commands[entry.completion.command])}"
            case "step_failure":
                return f"failure of {command_text(self.commands[entry.step_failure.command])}"
            case "signal":
                return f"signal {entry.signal.name!r}"
            case "cancellation":
                return "cancellation"
            case _:
                return command_text(entry)

    def _step(self, entry: Entry) -> str:
        match entry.WhichOneof("entry"):
            case "completion":
                return self.commands[entry.completion.command].run.name
            case "step_failure":
                return self.commands[entry.step_failure.command].run.name
            case _:
                return ""


class Record:
    """Commits the batches of the node at once, and keeps what they say.

    Attributes:
        places: All journal entries, as they became durable.
        troubled: Invocations that are paused or fail again and again.
        changed: Set with the next commit; a new one takes its place then.
        before: Called with the places of a batch before it is durable.
        after: Called with them once it is.
    """

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self._invocations: dict[str, Recorded] = {}
        self._labels: Counter[str] = Counter()
        self.places: list[Place] = []
        self.troubled: set[str] = set()
        self.changed = asyncio.Event()
        self.before: Callable[[Sequence[Place]], None] = _nothing
        self.after: Callable[[Sequence[Place]], None] = _nothing

    async def commit(self, writes: Writes) -> None:
        """Makes a batch durable."""
        for row in writes.invocations.values():
            self._note(row)
        places = list(self._places(writes))
        self.before(places)
        self._storage.stage(writes)
        self._storage.commit()
        self.places += places
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
        self.after(places)
        await asyncio.sleep(0)

    def close(self) -> None:
        """Nothing is under way."""

    def find(self, invocation_id: str) -> Recorded | None:
        """An invocation of this test, be it forgotten by the runtime."""
        return self._invocations.get(invocation_id)

    def run_of(self, service: str, handler: str, workflow_id: str) -> str:
        """The newest run of a workflow id. Raises KeyError."""
        for recorded in reversed(self._invocations.values()):
            if recorded.row.target == Target(service, handler, workflow_id):
                return recorded.row.id
        raise KeyError(f"{service} {workflow_id!r} has not run")

    def all(self) -> list[Recorded]:
        """All invocations of the test, in the order in which they were made."""
        return list(self._invocations.values())

    def _note(self, row: Invocation) -> None:
        recorded = self._invocations.get(row.id)
        if recorded is None:
            self._invocations[row.id] = Recorded(self._label(row.target), row)
        else:
            recorded.row = row
        if isinstance(row.status, Paused) or row.failures >= MANY_FAILURES:
            self.troubled.add(row.id)
        else:
            self.troubled.discard(row.id)

    def _label(self, target: Target) -> str:
        label = f"{target.service}/{target.handler}" + (f" {target.key!r}" if target.key else "")
        self._labels[label] += 1
        return label if self._labels[label] == 1 else f"{label} #{self._labels[label]}"

    def _places(self, writes: Writes) -> Iterator[Place]:
        for (invocation_id, _), entry in sorted(writes.journal.items(), key=lambda item: item[0]):
            recorded = self._invocations[invocation_id]
            # The node may change its message later; what is durable stays as it is.
            kept = Entry.FromString(entry.SerializeToString())
            yield recorded.place(kept)
            recorded.append(kept)


def _nothing(places: Sequence[Place]) -> None:
    pass
