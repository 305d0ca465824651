"""Which partition of a cluster has what.

An invocation id carries a *place*, 16 bits. All of one key has one place, so that an object, its line, its state and
its invocations lie in one partition; what has no key is placed by its idempotency key, or by chance.
"""

from dataclasses import dataclass

from perdure_runtime.partition import ids
from perdure_runtime.partition.rows import IdempotencyKey

MOST_PARTITIONS = 1 << 12


@dataclass(frozen=True, slots=True)
class Placement:
    """How many partitions there are, which never changes, and where things are: partitions count from 0."""

    partitions: int = 1

    def of_place(self, place: int) -> int:
        """The partition that a place lies in."""
        return place * self.partitions >> 16

    # Where there is one partition, nobody has to look for it.

    def of_invocation(self, invocation_id: str) -> int:
        """The partition of an invocation; of what is no invocation id any partition can say that it is unknown."""
        return 0 if self.partitions == 1 else ids.place_of(invocation_id) * self.partitions >> 16

    def of_key(self, service: str, key: str) -> int:
        """The partition of an object or a workflow."""
        return 0 if self.partitions == 1 else ids.place_of_key(service, key) * self.partitions >> 16

    def of_name(self, name: IdempotencyKey) -> int:
        """The partition that knows what an idempotency key names."""
        return 0 if self.partitions == 1 else ids.place_of_name(name) * self.partitions >> 16
