"""What a listener asks of a connection, whichever protocol it speaks."""

import asyncio
from abc import ABC, abstractmethod


class Connection(asyncio.Protocol, ABC):
    """A connection under a listener.

    ``expires_at`` is a time of the loop's clock: when it passes, the listener cuts the connection. Set it while the
    peer is the one to go on, None while it may wait for as long as it likes.
    """

    expires_at: float | None = None

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether nobody waits for an answer here."""

    @abstractmethod
    def drain(self) -> None:
        """Takes no new calls; closes once those that run are answered."""

    @abstractmethod
    def cut(self) -> None:
        """Answers what runs with UNAVAILABLE where that is possible, and closes."""
