"""What a loop moves, and what makes its batches durable: its ports."""

from collections.abc import Collection, Mapping
from typing import Protocol

from perdure_runtime.partition.effect import Effect
from perdure_runtime.partition.input import Input
from perdure_runtime.partition.rows import Timer
from perdure_runtime.partition.writes import Writes


class Shell(Protocol):
    """What the loop moves: all methods return at once."""

    def act(self, effect: Effect) -> None:
        """Does what the partition asks for."""

    def set_timers(self, timers: Mapping[Timer, bool]) -> None:
        """Timers were set (true) or cleared."""

    def lose_unsaved(self, error: Exception) -> None:
        """All that was not durable is gone: attempts must stop, and callers hear that they were not accepted.

        ``error`` is Moved where that is so because partitions went to another node: asked again, all may go well.
        """

    def loaded(self) -> None:
        """After ``lose_unsaved``: what is durable is known again. Raises StorageFailure."""

    def refuse(self, input: Input, error: Exception) -> None:
        """An input could not be applied; nothing of it happened. ``error`` is Moved where its partition is not here."""

    def evicted(self, partitions: Collection[int]) -> None:
        """Another node has taken these partitions. Raises StaleEpoch where this node cannot go on without them."""


class Committer(Protocol):
    """How a batch becomes durable without holding up the loop."""

    async def commit(self, writes: Writes) -> None:
        """Returns when the writes are durable. Raises StorageFailure when none of them is."""

    def close(self) -> None:
        """Waits for a commit under way."""
