"""The storage port: what a partition needs from a database.

Three duties: commit a batch atomically and durably under the epoch of its owner, load one document, and scan what
recovery, timers and retention must look at. All methods block. ``commit`` may run in a thread of its own; all others
belong to the thread of the partition's loop, and may run while a commit does: they see what was durable before it.
"""

from dataclasses import dataclass
from typing import Protocol

from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Invocation, Timer
from perdure_runtime.partition.view import Document
from perdure_runtime.partition.writes import Writes


class StorageFailure(Exception):
    """Storage could not do what it was asked; of a batch nothing was kept. Later calls may succeed."""


class StorageInUse(StorageFailure):
    """Another process owns the storage, and keeps others out; where nothing can, the epoch alone does."""


class StorageForeign(StorageFailure):
    """What was found is not a perdure storage, or was written by a newer perdure."""


class StaleEpoch(Exception):
    """Another node has taken the partition: this one must stop, its commits can never succeed again."""

    def __init__(self, own: int, stored: int) -> None:
        super().__init__(
            f"this node took the partition at epoch {own}, another one has taken it since at epoch {stored}; "
            "stop this node, the other one goes on with its work"
        )
        self.own = own
        self.stored = stored


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """One immutable registered version of an endpoint; ``descriptors`` is a serialised FileDescriptorSet."""

    id: str
    address: str
    services: tuple[str, ...]
    descriptors: bytes
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What is there of a service: how many keys have each name of its state, how many invocations each handler has
    that have not ended."""

    state: dict[str, int]
    open: dict[str, int]


class Storage(Protocol):
    """One partition's rows. All methods raise StorageFailure where the database does, or after ``close``."""

    def acquire(self) -> int:
        """Takes the partition: raises its epoch durably, and returns it.

        From then on commits of whoever held an older epoch raise StaleEpoch. Nothing can be written before.
        """

    def load(self, document: Document) -> Content:
        """One document as it is durable, in the type that ``Memory.load`` takes.

        Asked only for documents without uncommitted writes, so that a commit under way changes nothing of the answer.
        A document without rows is None, an empty list, tuple or dict. Listeners come sorted by caller.
        """

    def stage(self, writes: Writes) -> None:
        """Prepares a batch for ``commit``, which must follow before the next ``stage``.

        Raises StaleEpoch or StorageFailure, and then nothing is staged; RuntimeError if a batch already is. What an
        adapter can only see at its server is for ``commit`` to raise.

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

    def active(self, after_id: str, limit: int) -> list[Invocation]:
        """Running invocations with an id above ``after_id`` in order of id: what recovery must start again."""

    def timers(self, from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
        """Timers due at ``from_ms`` or later but before ``before_ms``, in order of time, then of invocation id.

        At most ``limit`` of them; None for all.
        """

    def expired(self, now_ms: int, limit: int) -> list[str]:
        """Ended invocations whose ``next_expiry_ms`` has come, the longest expired first."""

    def add_deployment(self, deployment: DeploymentRow) -> None:
        """Stores a deployment durably. Raises StorageFailure when its id is taken, StaleEpoch as ``stage`` does."""

    def remove_deployment(self, deployment_id: str) -> None:
        """Forgets a deployment durably; one that is not there is no error. Raises StaleEpoch as ``stage`` does."""

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """Invocations that have not ended and whose journal a deployment wrote, in order of id, at most ``limit``."""

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Ended invocations of a service whose journal is kept, the newest id first, at most ``limit``."""

    def usage(self, service: str) -> Usage:
        """What is stored and runs of a service. It counts rows: for operators, not for the path of a call."""

    def deployments(self) -> list[DeploymentRow]:
        """All deployments, oldest first."""

    def close(self) -> None:
        """Drops what is staged and lets go of the storage. Not while a commit runs; closing twice is harmless."""
