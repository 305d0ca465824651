"""The partitions that a storage may read and write, each under its epoch."""

from collections.abc import Collection, Mapping

from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.view import Document
from perdure_runtime.storage.api import StaleEpoch
from perdure_runtime.storage.partitions import partition_of


class Owned:
    """What ``Storage.acquire`` or ``Storage.own`` said last."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._epochs: dict[int, int] | None = None

    @property
    def partitions(self) -> list[int]:
        """Their numbers, in order."""
        return sorted(self._epochs or ())

    def set(self, epochs: Mapping[int, int]) -> None:
        """These and no others are owned from now on."""
        self._epochs = dict(epochs)

    def refuse_unowned(self) -> None:
        """Raises RuntimeError before anything was ever owned."""
        if self._epochs is None:
            raise RuntimeError("acquire or own partitions before writing to them")

    def epochs(self, touched: Collection[int]) -> dict[int, int]:
        """The epochs of the partitions of a batch. Raises StaleEpoch, RuntimeError where nothing was ever owned."""
        self.refuse_unowned()
        owned = self._epochs or {}
        # A batch may have waited for its turn while one of its partitions was lost.
        lost = [partition for partition in touched if partition not in owned]
        if lost:
            raise StaleEpoch(lost)
        return {partition: owned[partition] for partition in touched}

    def refuse(self, document: Document) -> None:
        """Raises RuntimeError for a document of a partition that is not owned: its rows are another node's to read."""
        partition = partition_of(document, self._placement)
        if self._epochs is None or partition not in self._epochs:
            raise RuntimeError(f"{document} is in partition {partition}, which this storage does not own")
