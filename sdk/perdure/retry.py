"""How often and when something is tried again."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Waits that grow by a factor up to a limit.

    Attributes:
        initial_interval: Wait before the first retry.
        factor: Each further wait is this many times the one before; at least 1.
        max_interval: No wait is longer.
        max_attempts: Executions in all, the first one included; None means without end.
        max_duration: Nothing is tried again once so much time has passed since the first failure; None means without
            end.
    """

    initial_interval: timedelta = timedelta(milliseconds=100)
    factor: float = 2.0
    max_interval: timedelta = timedelta(seconds=30)
    max_attempts: int | None = None
    max_duration: timedelta | None = None

    def __post_init__(self) -> None:
        if self.initial_interval < timedelta(0) or self.max_interval < timedelta(0):
            raise ValueError(f"{self}: intervals cannot be negative")
        if self.max_duration is not None and self.max_duration <= timedelta(0):
            raise ValueError(f"{self}: max_duration must be longer than nothing; None means without end")
        if not self.factor >= 1:
            raise ValueError(f"{self}: factor must be at least 1, else each wait is shorter than the one before")
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ValueError(f"{self}: max_attempts counts the first one, so it is at least 1; None means without end")

    def exhausted(self, failures: int, tried_for: timedelta = timedelta(0)) -> bool:
        """Whether nothing is tried again after so many failures, so long after the first of them."""
        if self.max_duration is not None and tried_for >= self.max_duration:
            return True
        return self.max_attempts is not None and failures >= self.max_attempts

    def interval_s(self, failures: int) -> float:
        """Seconds to wait after so many failures, at least one."""
        longest = self.max_interval.total_seconds()
        wait = self.initial_interval.total_seconds()
        # Step by step, and no further than the limit: a power would overflow after many failures.
        for _ in range(failures - 1):
            if wait >= longest or self.factor == 1:
                break
            wait *= self.factor
        return min(wait, longest)
