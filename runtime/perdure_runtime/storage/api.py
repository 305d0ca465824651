"""The storage ports: what a node needs from a database.

``Storage`` has the rows of the partitions that a node owns in one database. It has three duties: commit a batch
atomically and durably under the epochs of the partitions in it, load one document, and scan what recovery, timers and
retention must look at. All methods block. ``commit`` may run in a thread of its own; all others belong to the thread of
the loop, and may run while a commit does: they see what was durable before it.

``Registry`` has the deployments, ``Survey`` looks at all partitions of a database, whoever owns them, and ``Fallback``
brings messages through where nodes cannot reach each other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.views import Condition, View, ViewRow

# So many messages are read at once that come by way of the database.
MOST_INBOUND = 1_000


class StorageFailure(Exception):
    """Storage could not do what it was asked; of a batch nothing was kept. Later calls may succeed."""


class StorageInUse(StorageFailure):
    """Another process owns the storage, and keeps others out; where nothing can, the epoch alone does."""


class StorageForeign(StorageFailure):
    """What was found is not a perdure storage, or was written by a newer perdure."""


class StaleEpoch(Exception):
    """Another node has taken these partitions: commits that write them can never succeed again."""

    def __init__(self, partitions: Collection[int]) -> None:
        """``partitions`` are those that were lost."""
        named = ", ".join(map(str, sorted(partitions)))
        super().__init__(f"another node has taken the partitions {named}, and goes on with their work")
        self.partitions = frozenset(partitions)


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """One registered version of an endpoint; ``descriptors`` is a serialised FileDescriptorSet.

    ``address`` is the "host:port" of each of its processes, joined by ",": it alone ever changes. ``sdk_version`` is
    the version of perdure that the endpoint runs.
    """

    id: str
    address: str
    services: tuple[str, ...]
    descriptors: bytes
    created_at_ms: int
    sdk_version: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The "host:port" of each of its processes."""
        return tuple(self.address.split(","))


@dataclass(frozen=True, slots=True)
class Usage:
    """What is there of a service: how many keys have each name of its state, how many invocations each handler has
    that have not ended."""

    state: dict[str, int]
    open: dict[str, int]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Message number ``seq`` of those from one partition to another."""

    source: int
    destination: int
    seq: int
    message: Message


class Registry(Protocol):
    """The deployments of a cluster.

    All methods block, in any thread, and raise StorageFailure where the database does.
    """

    def deployments(self) -> list[DeploymentRow]:
        """All deployments, oldest first."""

    def add_deployment(self, deployment: DeploymentRow) -> None:
        """Stores a deployment durably. Raises StorageFailure when its id is taken."""

    def remove_deployment(self, deployment_id: str) -> None:
        """Forgets a deployment durably; one that is not there is no error."""

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        """Gives a deployment another ``address`` durably, where it still has the old one; says whether it did."""

    def definitions(self, kind: str) -> dict[str, bytes]:
        """What operators have defined of a kind, such as "schedule": each one's content by its name."""

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps a definition durably, in place of the one with its name; None removes it."""


class Survey(Protocol):
    """All rows of a database, of whatever partition, as they are durable: for operators, not for the path of a call.

    All methods block, in any thread, and raise StorageFailure where the database does.
    """

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """Invocations that have not ended and whose journal a deployment wrote, in order of id, at most ``limit``."""

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Ended invocations of a service whose journal is kept, the newest id first, at most ``limit``."""

    def usage(self, service: str) -> Usage:
        """What is stored and runs of a service. It counts rows."""

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation."""

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        """Rows of a view that fit all conditions, in the order of its key, at most ``limit``.

        ``after`` is the key of the last row of the page before; with ``descending`` keys come from the greatest on.
        """

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        """How many rows fit all conditions; counts no further than ``limit``."""

    def tally(self) -> list[tuple[str, str, str, int]]:
        """How many invocations there are, by service, handler and status; of ended ones it is "succeeded" or "failed".

        It counts rows.
        """


class Storage(Protocol):
    """The rows of the partitions that a node owns. All methods raise StorageFailure where the database does, or after
    ``close``."""

    @property
    def placement(self) -> Placement:
        """How many partitions the cluster has, and what lies in which."""

    def acquire(self) -> dict[int, int]:
        """Takes all partitions: raises their epochs durably, and returns them by partition.

        For storages that belong to one node alone. From then on commits of whoever held an older epoch raise
        StaleEpoch. Nothing can be written before this or ``own``.
        """

    def own(self, epochs: Mapping[int, int]) -> None:
        """These partitions, and no others, are read and written from now on, each under its epoch.

        May be called while a batch is staged or its commit runs: that batch goes by the epochs of when it was staged.
        """

    def load(self, document: Document) -> Content:
        """One document as it is durable, in the type that ``Memory.load`` takes.

        Raises RuntimeError for one of a partition that is not owned: its rows are another node's to read.

        Asked only for documents without uncommitted writes, so that a commit under way changes nothing of the answer.
        A document without rows is None, an empty list, tuple or dict. Listeners come sorted by caller.
        """

    def stage(self, writes: Writes) -> None:
        """Prepares a batch for ``commit``, which must follow before the next ``stage``.

        Raises StaleEpoch or StorageFailure, and then nothing is staged; RuntimeError if a batch already is, or before
        anything was owned. What an adapter can only see at its server is for ``commit`` to raise. A partition that is
        not owned (any more) is a stale one.

        Invocations in ``writes.inserted`` must be new, all others must be there, and a place in a journal is written
        once: anything else is a StorageFailure. Purges come last: whatever else the batch writes of a purged
        invocation goes with it.
        """

    def commit(self) -> None:
        """Makes the staged batch durable, whole. May run in any thread.

        Raises StorageFailure or StaleEpoch, and then nothing of the batch was kept; RuntimeError if nothing is staged.
        Where a server was lost before it answered, the whole batch may have been kept all the same: the next read says
        so, and none can succeed before that is settled.
        """

    def active(self, partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
        """Running invocations of these partitions with an id above ``after_id`` in order of id: what recovery must
        start again."""

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """Timers due at ``from_ms`` or later but before ``before_ms``, in order of time, then of invocation id.

        Of all partitions that are owned, at most ``limit`` of them; None for all.
        """

    def expired(self, now_ms: int, limit: int) -> list[str]:
        """Ended invocations, of all partitions that are owned, whose ``next_expiry_ms`` has come, the longest expired
        first."""

    def outbox(self, partitions: Collection[int]) -> list[Parcel]:
        """Messages that these partitions have sent and that stand in their outbox, in order of channel and number."""

    def close(self) -> None:
        """Drops what is staged and lets go of the storage. Not while a commit runs; closing twice is harmless."""


class Database(Storage, Registry, Survey, Protocol):
    """A storage that has all there is: what a node needs that is alone."""


class Fallback(Protocol):
    """How messages come through where nodes cannot reach each other: by the database that both of them reach.

    All methods block, in any thread, and raise StorageFailure where the database does. They read rows of other nodes'
    partitions, as they are durable.
    """

    def inbound(self, destinations: Collection[int]) -> list[Parcel]:
        """Messages that stand in any outbox for these partitions, at most MOST_INBOUND, in order of channel and
        number."""

    def arrived(self, channels: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """The number of the last message that arrived, by channel: source and destination; 0 where none has."""
