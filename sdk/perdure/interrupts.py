"""The cancellation of an invocation, as its handler gets to see it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from perdure.errors import CancelledInvocation, StatusCode, TerminalError
from perdure.futures import CancellationSeen, DurableFuture, Owner


class Interrupts:
    """Whether a cancellation was seen, and whether it has yet to be raised.

    It is raised once no step that was asked for before is open any more: what a step does must not go on beside its
    compensation.

    Attributes:
        seen: Whether it has.
        explicit: The handler looks after it itself: nothing is raised.
    """

    __slots__ = (
        "_attempt",
        "_future",
        "_given_up",
        "_on_due",
        "_open_steps",
        "_shields",
        "_to_raise",
        "explicit",
        "seen",
    )

    def __init__(self, attempt: Owner, *, explicit: bool, on_due: Callable[[], None]) -> None:
        """``on_due`` is called when the end of a shield makes it due."""
        self._attempt = attempt
        self._future: CancellationSeen | None = None
        self.seen = False
        self.explicit = explicit
        self._on_due = on_due
        self._to_raise = False
        self._shields = 0
        self._open_steps: set[int] = set()
        self._given_up: list[tuple[DurableFuture[Any], TerminalError]] = []

    def cancel(self, open_steps: Iterable[int]) -> None:
        """The handler sees it now, while these steps are open."""
        self.seen = True
        self._to_raise = not self.explicit
        self._open_steps = set(open_steps)
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    @property
    def future(self) -> CancellationSeen:
        """Settled when the handler sees the cancellation."""
        if self._future is None:
            self._future = CancellationSeen(self._attempt)
            if self.seen:
                self._future.set_result(None)
        return self._future

    def release(self) -> None:
        """The attempt is over."""
        if self._future is not None:
            self._future.cancel()

    def settled(self, step: int, future: DurableFuture[Any], error: TerminalError | None) -> bool:
        """A step has its result; whether the handler is to get its cancellation in place of that."""
        self._open_steps.discard(step)
        if error is None or error.code is not StatusCode.CANCELLED or not self._to_raise or self._shields:
            return False
        # It was given up: that is the cancellation, not an error of its own before it.
        self._given_up.append((future, error))
        return True

    @property
    def due(self) -> bool:
        """Whether a CancelledInvocation is to be raised where the handler waits."""
        return self._to_raise and not self._shields and not self._open_steps

    @property
    def accepted(self) -> bool:
        """Whether the handler was told, or holds it back: what it asks for now, it asks for in spite of it."""
        return self.explicit or self._shields > 0 or (self.seen and not self._to_raise)

    def take(self) -> CancelledInvocation:
        """What is to be raised, once."""
        self._to_raise = False
        self._deliver()
        return CancelledInvocation()

    def wait_for(self, step: int) -> None:
        """A step that was asked for in spite of it is let end before it is raised."""
        if self._to_raise:
            self._open_steps.add(step)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Holds it back."""
        self._shields += 1
        # Who waits within for a step that was given up is told by that step alone.
        self._deliver()
        try:
            yield
        finally:
            self._shields -= 1
            if self.due:
                self._on_due()

    def _deliver(self) -> None:
        given_up, self._given_up = self._given_up, []
        for future, error in given_up:
            if not future.done():
                future.set_exception(error)
                future.exception()  # Whoever awaits it gets it; asyncio need not warn.
