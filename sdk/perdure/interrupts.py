"""The cancellation of an invocation, as its handler gets to see it."""

from collections.abc import Iterator
from contextlib import contextmanager

from perdure.errors import CancelledInvocation
from perdure.futures import CancellationSeen, Owner


class Interrupts:
    """Whether a cancellation was seen, and whether it has yet to be raised.

    Attributes:
        future: Settled when the handler sees the cancellation.
        seen: Whether it has.
    """

    def __init__(self, attempt: Owner, *, explicit: bool) -> None:
        """``explicit`` says that the handler looks after it itself: nothing is raised."""
        self.future = CancellationSeen(attempt)
        self.seen = False
        self._explicit = explicit
        self._to_raise = False
        self._shields = 0

    def cancel(self) -> None:
        """The handler sees it now."""
        self.seen = True
        self._to_raise = not self._explicit
        if not self.future.done():
            self.future.set_result(None)

    @property
    def due(self) -> bool:
        """Whether a CancelledInvocation is to be raised where the handler waits."""
        return self._to_raise and not self._shields

    def take(self) -> CancelledInvocation:
        """What is to be raised, once."""
        self._to_raise = False
        return CancelledInvocation()

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Holds it back."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
