"""The lease of a node by its own clock: until when it can be sure that nobody has replaced it."""

from collections.abc import Callable
from math import inf


class Lease:
    """The database counts a lease from the moment at which it gets the request. The node counts from before it sent
    that, and so never believes in its lease for longer than the others do, however their clocks are set."""

    def __init__(self, lease_s: float, monotonic: Callable[[], float]) -> None:
        """``monotonic`` tells seconds since any moment; it never goes back."""
        self.lease_s = lease_s
        self._monotonic = monotonic
        self._ends_at_s = -inf
        self._unbroken_since_s = inf

    @property
    def left_s(self) -> float:
        """How long it runs yet, 0 or less once it is over."""
        return self._ends_at_s - self._monotonic()

    @property
    def runs(self) -> bool:
        """Whether this node can be sure of what it owns."""
        return self.left_s > 0

    @property
    def unbroken_s(self) -> float:
        """For how long the database has answered each time; less than 0 where it did not the last time."""
        return self._monotonic() - self._unbroken_since_s

    def renewed(self, asked_at_s: float) -> None:
        """The database has renewed it, when asked at this time."""
        self._unbroken_since_s = min(self._unbroken_since_s, asked_at_s) if self.runs else asked_at_s
        self._ends_at_s = asked_at_s + self.lease_s

    def not_renewed(self) -> None:
        """The database did not answer."""
        self._unbroken_since_s = inf
