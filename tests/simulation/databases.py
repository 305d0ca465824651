"""All databases of a simulated world as whoever looks from outside sees them, whichever rows are in which."""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import (
    Caller,
    Channel,
    IdempotencyKey,
    Invocation,
    ObjectRow,
    PromiseRow,
    Timer,
)
from perdure_runtime.storage.memory import Rows
from perdure_runtime.storage.memory.rows import Member

K = TypeVar("K")
V = TypeVar("V")


class Databases:
    """Partition p is in database p modulo their number."""

    def __init__(self, partitions: int, number: int) -> None:
        self.placement = Placement(partitions)
        self.all = tuple(Rows(self.placement, database=index, databases=number) for index in range(number))

    def of(self, partition: int) -> Rows:
        """The database of a partition."""
        return self.all[partition % len(self.all)]

    def epoch(self, partition: int) -> int:
        """How often a partition has been taken."""
        return self.of(partition).epochs[partition]

    def owner(self, partition: int) -> str:
        """The id of the node that owns a partition; empty where nobody does, or a node alone."""
        return self.of(partition).owners[partition]

    def member(self, partition: int) -> Member | None:
        """The owner of a partition, as the table of nodes knows it."""
        return self.of(partition).nodes.get(self.owner(partition))

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation."""
        return self.of(self.placement.of_invocation(invocation_id)).entries(invocation_id)

    @property
    def invocations(self) -> Mapping[str, Invocation]:
        return _joined([rows.invocations for rows in self.all])

    @property
    def journals(self) -> Mapping[str, dict[int, bytes]]:
        return _joined([rows.journals for rows in self.all])

    @property
    def listeners(self) -> Mapping[str, set[Caller]]:
        return _joined([rows.listeners for rows in self.all])

    @property
    def objects(self) -> Mapping[tuple[str, str], ObjectRow]:
        return _joined([rows.objects for rows in self.all])

    @property
    def inbox(self) -> Mapping[tuple[str, str, int], str]:
        return _joined([rows.inbox for rows in self.all])

    @property
    def state(self) -> Mapping[tuple[str, str], dict[str, bytes]]:
        return _joined([rows.state for rows in self.all])

    @property
    def idempotency(self) -> Mapping[IdempotencyKey, str]:
        return _joined([rows.idempotency for rows in self.all])

    @property
    def promises(self) -> Mapping[tuple[str, str], dict[str, PromiseRow]]:
        return _joined([rows.promises for rows in self.all])

    @property
    def held(self) -> Mapping[str, dict[int, bytes]]:
        return _joined([rows.held for rows in self.all])

    @property
    def channels(self) -> Mapping[tuple[int, int], Channel]:
        return _joined([rows.channels for rows in self.all])

    @property
    def outbox(self) -> Mapping[tuple[int, int, int], bytes]:
        return _joined([rows.outbox for rows in self.all])

    @property
    def received(self) -> Mapping[tuple[int, int], int]:
        return _joined([rows.received for rows in self.all])

    @property
    def timers(self) -> Iterable[Timer]:
        return chain.from_iterable(rows.timers for rows in self.all)


def _joined(parts: list[dict[K, V]]) -> Mapping[K, V]:
    return parts[0] if len(parts) == 1 else ChainMap(*parts)
