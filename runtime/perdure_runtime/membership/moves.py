"""Partitions on the move: what is being loaded, and what is being handed over.

Both may take longer than a lease, so they run beside its renewals; of one partition at most one of them.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Protocol

from perdure_runtime.membership.holder import Holder
from perdure_runtime.storage.api import StorageFailure

# What could not be loaded is not tried again at once: until then it counts as on the move.
PAUSE_S = 0.5

log = logging.getLogger(__name__)


class Give(Protocol):
    """How partitions, with their epochs, get another owner in the database."""

    async def __call__(self, epochs: Mapping[int, int], to: str) -> None:
        """Raises StorageFailure."""


class Moves:
    """One a keeper. Ends with the task group in which it is started."""

    def __init__(self, holder: Holder, give: Give, ended: Callable[[], None]) -> None:
        """``ended`` is called at the end of each move, whether it went well or not."""
        self._holder = holder
        self._give = give
        self._ended = ended
        self._group: asyncio.TaskGroup | None = None
        self._gains: dict[asyncio.Task[None], Mapping[int, int]] = {}
        self._giving: frozenset[int] = frozenset()
        # An outage is logged once, and not with each try.
        self._is_failing = False

    def start(self, group: asyncio.TaskGroup) -> None:
        """Moves run as tasks of this group: one that fails for a bug ends it."""
        self._group = group

    @property
    def held(self) -> dict[int, int]:
        """The partitions that are in memory, or are being loaded, with their epochs."""
        held = dict(self._holder.owned)
        for epochs in self._gains.values():
            held |= epochs
        return held

    @property
    def busy(self) -> frozenset[int]:
        """The partitions that are on the move."""
        return self._giving.union(*self._gains.values())

    @property
    def is_giving(self) -> bool:
        """Whether partitions are being handed over."""
        return bool(self._giving)

    def gain(self, epochs: Mapping[int, int]) -> None:
        """Starts to load partitions, none of which is busy."""
        if epochs:
            task = self._start(self._load(epochs), "gain partitions")
            self._gains[task] = epochs
            task.add_done_callback(self._end_gain)

    def give(self, given: Mapping[str, Mapping[int, int]]) -> None:
        """Starts to hand partitions over, none of which is busy; ``given`` has their epochs, by their new owners.

        One hand-over runs at a time: not while ``is_giving``.
        """
        if given:
            self._giving = frozenset().union(*given.values())
            task = self._start(self._hand_over(given), "hand partitions over")
            task.add_done_callback(self._end_giving)

    def drop(self, partitions: Collection[int]) -> None:
        """Loses partitions at once, with all that are being loaded together with one of them."""
        lost = set(partitions)
        for task, epochs in self._gains.items():
            if not lost.isdisjoint(epochs):
                task.cancel()
                lost.update(epochs)
        self._holder.lose(lost)

    async def _load(self, epochs: Mapping[int, int]) -> None:
        try:
            await self._holder.gain(epochs)
            self._is_failing = False
        except StorageFailure as failure:
            if not self._is_failing:
                log.warning("the partitions %s could not be loaded, and are tried again: %s", sorted(epochs), failure)
            self._is_failing = True
            await asyncio.sleep(PAUSE_S)

    async def _hand_over(self, given: Mapping[str, Mapping[int, int]]) -> None:
        try:
            if here := self._giving & self._holder.owned.keys():
                await self._holder.release(here)
            for to, epochs in given.items():
                await self._give(epochs, to)
        except StorageFailure as failure:
            log.warning("the partitions %s could not be handed over: %s", sorted(self._giving), failure)

    def _start(self, move: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        assert self._group is not None, "moves run while the keeper does"
        return self._group.create_task(move, name=name)

    def _end_gain(self, task: asyncio.Task[None]) -> None:
        del self._gains[task]
        self._ended()

    def _end_giving(self, _: asyncio.Task[None]) -> None:
        self._giving = frozenset()
        self._ended()
