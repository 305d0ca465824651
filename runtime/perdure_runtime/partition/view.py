"""What the partition can read: whole documents by key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Caller, Channel, IdempotencyKey, Invocation, ObjectRow, Place, PromiseRow


@dataclass(frozen=True, slots=True)
class InvocationDocument:
    id: str


@dataclass(frozen=True, slots=True)
class JournalDocument:
    id: str


@dataclass(frozen=True, slots=True)
class ListenersDocument:
    id: str


@dataclass(frozen=True, slots=True)
class ObjectDocument:
    service: str
    key: str


@dataclass(frozen=True, slots=True)
class InboxDocument:
    """The first place in line that is taken, from ``seq`` on: whoever was cancelled has left an empty one."""

    service: str
    key: str
    seq: int


@dataclass(frozen=True, slots=True)
class StateDocument:
    service: str
    key: str


@dataclass(frozen=True, slots=True)
class IdempotencyDocument:
    key: IdempotencyKey


@dataclass(frozen=True, slots=True)
class PromisesDocument:
    service: str
    key: str


@dataclass(frozen=True, slots=True)
class ChannelDocument:
    """What a partition has sent to another one."""

    source: int
    destination: int


@dataclass(frozen=True, slots=True)
class ReceivedDocument:
    """The number of the last message that a partition has from another one."""

    source: int
    destination: int


@dataclass(frozen=True, slots=True)
class MarkDocument:
    """How far a source has come in a partition: its position, None before the first."""

    partition: int
    source: str


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """What has come for calls of a cancelled invocation that is yet to be told, by command."""

    id: str


Document: TypeAlias = (
    InvocationDocument
    | JournalDocument
    | ListenersDocument
    | ObjectDocument
    | InboxDocument
    | StateDocument
    | IdempotencyDocument
    | PromisesDocument
    | ChannelDocument
    | ReceivedDocument
    | HeldDocument
    | MarkDocument
)


class NotLoaded(Exception):
    """A document is needed that is not in memory."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.document = document


class View(Protocol):
    """Every method raises NotLoaded where memory cannot answer. What comes back must not be changed.

    Only what lies in partitions that are here may be asked for.
    """

    @property
    def placement(self) -> Placement:
        """What lies in which partition."""

    def owns(self, partition: int) -> bool:
        """Whether a partition is here."""

    def invocation(self, invocation_id: str) -> Invocation | None:
        """The invocation, or None where none has this id."""

    def journal(self, invocation_id: str) -> Journal:
        """The journal, empty where there is none."""

    def listeners(self, invocation_id: str) -> tuple[Caller, ...]:
        """Commands that wait for the end of an invocation which they did not make themselves."""

    def object(self, service: str, key: str) -> ObjectRow | None:
        """The lock of a key, or None while nobody holds it."""

    def inbox(self, service: str, key: str, seq: int) -> Place | None:
        """The first place in line that is taken, from ``seq`` on."""

    def state(self, service: str, key: str) -> Mapping[str, bytes]:
        """All state of a key, by name."""

    def idempotent(self, key: IdempotencyKey) -> str | None:
        """The invocation that an idempotency key names."""

    def promises(self, service: str, key: str) -> Mapping[str, PromiseRow]:
        """All promises of a workflow id that have a result or are waited for, by name."""

    def channel(self, source: int, destination: int) -> Channel:
        """How far the messages from a partition that is here to another one have come."""

    def received(self, source: int, destination: int) -> int:
        """The number of the last message that a partition that is here has from another one; 0 where it has none."""

    def mark(self, partition: int, source: str) -> int | None:
        """How far a source has come in a partition that is here; None before the first."""

    def held(self, invocation_id: str) -> Mapping[int, Outcome]:
        """What has come for calls of an invocation that is cancelled and yet to be told of it, by command.

        An outcome that is neither a value nor a failure says that nothing is there yet, and that nobody waits for it.
        """
