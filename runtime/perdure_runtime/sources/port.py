"""What subscriptions and schedules ask of the node, and what every kind of topic is to them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.storage.views import Condition, View, ViewRow

# The kinds of definitions, as the registry keeps them.
SUBSCRIPTION, SCHEDULE = "subscription", "schedule"
# What is known of sources beyond their marks, by the names of the sources.
TOPIC_RECORD, SCHEDULE_RECORD = "topic_record", "schedule_record"


class Invocations(Protocol):
    """Where calls go: to whichever node has their partition."""

    @property
    def contracts(self) -> Contracts:
        """The contracts of the newest deployments, as of now."""

    async def submit(self, submission: Submission) -> str:
        """Accepts a call, and returns its invocation id once that is durable. Raises NotAccepted."""


class Registry(Protocol):
    """What operators have defined. Its methods block, and raise StorageFailure."""

    def definitions(self, kind: str) -> dict[str, bytes]:
        """What is defined of a kind: each one's content by its name."""

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps a definition durably; None removes it."""


class Survey(Protocol):
    """The rows of the cluster, as they are durable. Its method blocks, and raises StorageFailure."""

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        """Rows of a view that fit all conditions, in the order of its key."""


class Tally(Protocol):
    """Counts what comes through."""

    def delivered(self, source: str, number: int = 1) -> None:
        """Messages of a source have become invocations."""

    def lag(self, source: str, partition: str, number: int) -> None:
        """So many messages of a partition of its topic are yet to be delivered."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a topic. ``value`` is None where the topic says that there is none."""

    position: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition of a topic holds: the position of its oldest message, and of the one that comes next."""

    first: int
    next: int


class TopicTrouble(Exception):
    """A topic cannot be read now: the message says why, and what to do. It is tried again."""


class Feed(Protocol):
    """The messages of one partition of a topic, in order."""

    async def next(self) -> Message:
        """Waits for the next message. Raises TopicTrouble."""

    async def close(self) -> None:
        """Reads no further."""


class Topic(Protocol):
    """A topic, by a client of its own. All methods raise TopicTrouble."""

    async def partitions(self) -> Collection[str]:
        """The names of its partitions, as of now."""

    async def bounds(self, partition: str) -> Bounds:
        """What a partition holds, as of now."""

    async def feed(self, partition: str, position: int) -> Feed:
        """Reads a partition from a position on; one that is not there stands for the next that is."""

    async def close(self) -> None:
        """Lets go of the client. Feeds must be closed before."""
