"""What a partition wants done outside, and what it must wait for.

``Start``, ``Notify``, ``NotifyCancelled``, ``Accept`` and ``Abort`` only let pure handler code run or stop, and may
leave before the commit of their batch. The others are seen by the world: a ``Grant`` waits until all earlier writes of
its invocation are durable, the rest until their own batch is.
"""

from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome

from perdure_runtime.partition.rows import Invocation


@dataclass(frozen=True, slots=True)
class Start:
    """Run the next attempt of an invocation, with its journal and the state of its key as they are now.

    ``partial`` says that there is more state than this.
    """

    invocation: Invocation
    journal: tuple[Entry, ...]
    state: dict[str, bytes]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Notify:
    """Give the running attempt the completion of one of its commands."""

    invocation_id: str
    attempt: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class NotifyCancelled:
    """Tell the running attempt that its invocation was cancelled."""

    invocation_id: str
    attempt: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Accept:
    """Tell the attempt that the result of its step stands in the journal."""

    invocation_id: str
    attempt: int
    command: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Let a step start its side effect."""

    invocation_id: str
    attempt: int
    command: int


@dataclass(frozen=True, slots=True)
class Abort:
    """Stop an attempt that nobody waits for any more, or that broke the protocol; it says nothing more."""

    invocation_id: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Tell the caller of ``submitted`` which invocation its call is: an older one's id if its key says so.

    ``existing`` says that it was there before, and may have ended: this call, repeated, or an older one.
    """

    submitted: str
    invocation_id: str
    existing: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Tell the caller of ``submitted``, which must be new, that its workflow id has run: as ``invocation_id``."""

    submitted: str
    invocation_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell all who wait that an invocation has ended."""

    invocation_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Deliver:
    """Bring message number ``seq`` of those from one partition to another to the owner of the other."""

    source: int
    destination: int
    seq: int
    message: Message


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Tell the owner of ``source`` that ``destination`` has its messages up to number ``seq``, durably."""

    source: int
    destination: int
    seq: int


Effect: TypeAlias = (
    Start | Notify | NotifyCancelled | Accept | Abort | Grant | Accepted | Refused | Answer | Deliver | Acknowledge
)
