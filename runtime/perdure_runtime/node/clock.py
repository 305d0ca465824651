"""The clock of a node, and its dice."""

import time
from collections.abc import Callable
from typing import TypeAlias

ClockMs: TypeAlias = Callable[[], int]
# So many random bits, as a number.
Entropy: TypeAlias = Callable[[int], int]


def wall_clock_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
