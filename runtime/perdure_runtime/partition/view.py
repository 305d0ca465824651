"""What the partition can read: whole documents by key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.rows import Caller, IdempotencyKey, Invocation, ObjectRow, Place, PromiseRow


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


Document: TypeAlias = (
    InvocationDocument
    | JournalDocument
    | ListenersDocument
    | ObjectDocument
    | InboxDocument
    | StateDocument
    | IdempotencyDocument
    | PromisesDocument
)


class NotLoaded(Exception):
    """A document is needed that is not in memory."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.document = document


class View(Protocol):
    """Every method raises NotLoaded where memory cannot answer. What comes back must not be changed."""

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
