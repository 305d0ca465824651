"""What a keeper moves: whoever does the work of the partitions that are here."""

from collections.abc import Collection, Mapping
from typing import Protocol


class Holder(Protocol):
    """Holds partitions in memory and works on them. ``lose`` may be called while ``gain`` or ``release`` runs."""

    @property
    def owned(self) -> Mapping[int, int]:
        """The partitions that are here, with their epochs."""

    async def gain(self, epochs: Mapping[int, int]) -> None:
        """Loads partitions that are this node's now, and goes on with their work.

        Raises StorageFailure, and then none of them is here. It is cancelled where one of them is lost meanwhile: then
        ``lose`` has been called for all of them.
        """

    async def release(self, partitions: Collection[int]) -> None:
        """Makes durable all that was accepted for these partitions; when it returns nothing runs here for them."""

    def lose(self, partitions: Collection[int]) -> None:
        """Another node has these partitions, or may have: drops them at once. Of those that are not here nothing."""
