"""The clock of a test: it stands still until it is moved."""

from datetime import UTC, datetime

# Any fixed time will do; with it, times in snapshots of journals are the same in every run.
START = datetime(2026, 1, 1, tzinfo=UTC)


class TestClock:
    """Milliseconds since the epoch, as the node asks for them."""

    __test__ = False  # pytest looks at classes of this name.

    def __init__(self, start: datetime = START) -> None:
        self.start_ms = int(start.timestamp() * 1000)
        self.now_ms = self.start_ms

    def __call__(self) -> int:
        return self.now_ms

    def move(self, to_ms: int) -> None:
        """Moves on, never back."""
        self.now_ms = max(self.now_ms, to_ms)

    @property
    def now(self) -> datetime:
        """The time that handlers read."""
        return at(self.now_ms)


def at(time_ms: int) -> datetime:
    """A time of the runtime."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)
