"""How a failed invocation is tried again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff between the attempts of an invocation.

    Intervals are milliseconds; ``factor`` is at least 1; ``max_attempts`` counts the first attempt too and 0 means
    without end. When they are used up the invocation pauses if ``pause`` is true, and else fails with its last error.
    """

    initial_ms: int = 50
    factor: float = 2.0
    max_interval_ms: int = 10_000
    max_attempts: int = 0
    pause: bool = True

    def interval_ms(self, failures: int) -> int:
        """The wait before the next attempt, after ``failures`` (at least 1) failed ones in a row."""
        wait_ms: float = self.initial_ms
        # Step by step, and no further than the cap: a power would overflow after many failures.
        for _ in range(failures - 1):
            if wait_ms >= self.max_interval_ms or wait_ms == 0 or self.factor == 1:
                break
            wait_ms *= self.factor
        return int(min(self.max_interval_ms, wait_ms))

    def exhausted(self, failures: int) -> bool:
        """Whether ``failures`` failed attempts are all that the policy allows."""
        return self.max_attempts != 0 and failures >= self.max_attempts


@dataclass(frozen=True, slots=True)
class Execution:
    """What the contract of a handler says about running it; all durations in milliseconds.

    An outcome is kept for callers who attach, or call again with the idempotency key or workflow id; a journal is kept
    for operators.
    """

    retry: RetryPolicy = RetryPolicy()
    outcome_retention_ms: int = 86_400_000
    journal_retention_ms: int = 86_400_000
    inactivity_timeout_ms: int = 60_000
    abort_timeout_ms: int = 600_000


# What holds where neither a contract nor the node says anything.
DEFAULT = Execution()
