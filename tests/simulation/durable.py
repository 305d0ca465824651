"""What each commit may do to what is durable already, looked at when it does."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from perdure_runtime.partition.journal import NOTIFICATIONS
from perdure_runtime.partition.rows import Ended, Timer
from perdure_runtime.partition.writes import Writes

from tests.simulation.channels import Channels
from tests.simulation.databases import Databases
from tests.simulation.witness import Witness


class Durable:
    """Follows the commits of all nodes."""

    def __init__(self, witness: Witness, rows: Databases) -> None:
        self._witness = witness
        self._outcomes: dict[str, Outcome] = {}
        self._attempts: dict[str, int] = {}
        self._commands: dict[str, list[Entry]] = {}
        self._completed: set[tuple[str, int]] = set()
        self.channels = Channels(witness, rows)
        self.commits = 0
        # Timers that were set once and are not any more.
        self.fired: list[Timer] = []

    def keep(self, writes: Writes, by_owner: bool) -> None:
        """A batch has become durable."""
        self.commits += 1
        self._witness.note(f"commit of {len(writes.invocations)} invocations, {len(writes.journal)} entries")
        self._witness.check("only the owner writes", by_owner, "a node that lost the partition made a batch durable")
        self.channels.keep(writes)
        self._keep_invocations(writes)
        for (id, position), entry in writes.journal.items():
            self._keep_entry(id, position, entry)
        self.fired.extend(timer for timer, on in writes.timers.items() if not on)
        del self.fired[:-8]

    def _keep_invocations(self, writes: Writes) -> None:
        for id, row in writes.invocations.items():
            self._witness.check(
                "attempts count up",
                row.attempt >= self._attempts.get(id, 0),
                f"{id} went from attempt {self._attempts.get(id)} to {row.attempt}",
            )
            self._attempts[id] = row.attempt
            if id in self._outcomes:
                same = isinstance(row.status, Ended) and row.status.outcome == self._outcomes[id]
                self._witness.check("ends are final", same, f"{id} had ended and became {row.status}")
            elif isinstance(row.status, Ended):
                self._outcomes[id] = row.status.outcome

    def _keep_entry(self, id: str, position: int, entry: Entry) -> None:
        commands = self._commands.setdefault(id, [])
        if entry.WhichOneof("entry") not in NOTIFICATIONS:
            commands.append(entry)
            return
        if entry.WhichOneof("entry") != "completion":
            return
        command = entry.completion.command
        self._witness.check(
            "one result a command",
            (id, command) not in self._completed,
            f"command {command} of {id} was completed again at {position}",
        )
        self._completed.add((id, command))
        if command < len(commands) and commands[command].HasField("run"):
            self._witness.step_is_durable(id, commands[command].run.name)
