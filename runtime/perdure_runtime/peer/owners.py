"""Finding who owns a partition, and asking: once more wherever it has moved, or its owner has gone."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from perdure_runtime.ingress.port import NodeStops, NotAccepted
from perdure_runtime.peer.port import Directory, Moved, PeerUnreachable, Residents
from perdure_runtime.storage.api import StorageFailure

# How long a partition may be without an owner that answers, before whoever asks is told.
PATIENCE_S = 30.0
# Between two looks, unless the directory has news before.
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.25
# An owner that was waited for longer than it takes to find out that one has gone was alive, and had accepted to answer.
ALIVE_AFTER_S = 5.0

T = TypeVar("T")


class Links(Protocol):
    """The way to peers."""

    def link(self, address: str) -> Residents:
        """The invocations at the node at an address; all methods raise PeerUnreachable too."""


class NoOwner(NotAccepted):
    """Nobody has answered for a partition for as long as the patience of this node lasts."""

    def __init__(self, partition: int, reason: str, patience_s: float) -> None:
        super().__init__(f"partition {partition} has had no owner that answers for {patience_s:g} s ({reason})")


class Owners:
    """Asks residents of whichever node has them."""

    def __init__(
        self, residents: Residents, links: Links, directory: Directory, patience_s: float = PATIENCE_S
    ) -> None:
        """``residents`` are those of this node."""
        self._residents = residents
        self._links = links
        self._directory = directory
        self._patience_s = patience_s

    def are_here(self, partition: int) -> bool:
        """Whether this node owns a partition."""
        return self._directory.is_here(partition)

    async def ask(self, partition: int, question: Callable[[Residents], Awaitable[T]]) -> T:
        """Asks the owner of a partition, again until it has answered: a question must bear to be repeated.

        Raises what the owner does, and NoOwner.
        """
        try:
            if self._directory.is_here(partition):
                # Most questions end here: they pay for no pursuit.
                with suppress(Moved):
                    return await question(self._residents)
            return await self._pursue(partition, question)
        except StorageFailure as failure:
            raise NotAccepted(str(failure)) from failure

    async def _pursue(self, partition: int, question: Callable[[Residents], Awaitable[T]]) -> T:
        now_s = asyncio.get_running_loop().time
        since_s, pause_s = now_s(), FIRST_PAUSE_S
        while True:
            asked_at_s = now_s()
            owner = self._owner(partition)
            reason = "no node is known to own it"
            if owner is not None:
                try:
                    return await question(owner)
                except (Moved, PeerUnreachable) as error:
                    reason = str(error)
                except NodeStops as error:
                    if owner is self._residents:
                        raise
                    reason = str(error)
                if now_s() - asked_at_s >= ALIVE_AFTER_S:
                    since_s, pause_s = now_s(), FIRST_PAUSE_S
            if now_s() - since_s >= self._patience_s:
                raise NoOwner(partition, reason, self._patience_s)
            self._directory.suspect(partition)
            await self._news(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _owner(self, partition: int) -> Residents | None:
        if self._directory.is_here(partition):
            return self._residents
        address = self._directory.address(partition)
        return self._links.link(address) if address else None

    async def _news(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._directory.changed()
        except TimeoutError:
            pass
