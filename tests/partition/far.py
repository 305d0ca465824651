"""Two partitions of two nodes, and what the stories between them need."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.rows import SHARED, Caller, Mode

from tests.partition.samples import EMAIL, WRITER, call
from tests.partition.town import Town

HERE, THERE = 0, 1


class Far(Town):
    """``caller`` runs in the one partition, what it deals with lies in the other."""

    def __init__(self) -> None:
        super().__init__(HERE, THERE)
        self.caller = self.mint(HERE)
        self.submit(self.caller)
        self.alice = self.account(THERE)
        self.k = self.key(EMAIL, THERE)

    def ask(self, entry: Entry, *, mode: Mode = SHARED) -> int:
        """The caller issues its next command, and all messages are brought; the command's number."""
        command = self.issue(entry, mode=mode)
        self.bring()
        return command

    def issue(self, entry: Entry, *, mode: Mode = SHARED) -> int:
        """The caller issues its next command; its number."""
        command = sum(1 for entry in self.journal(self.caller) if entry.WhichOneof("entry") != "completion")
        self.command(self.caller, command, entry, mode=mode)
        return command

    def call_alice(self) -> str:
        """Calls an object of the other partition; the id of the callee."""
        return self.child(self.caller, self.issue(call(self.alice), mode=WRITER), self.alice)

    def running_there(self, idempotency_key: str = "") -> str:
        """An invocation that runs in the other partition."""
        id = self.mint(THERE)
        self.submit(id, EMAIL, idempotency_key=idempotency_key)
        return id

    def by(self, command: int) -> Caller:
        return Caller(self.caller, command)
