"""After a start, and after a commit that failed: which inputs bring back what storage alone cannot.

Queued, suspended and paused invocations need nothing: the inputs that wake them come to their rows. Timers are
rows of their own. What was running has lost its attempts.
"""

from collections.abc import Iterable, Iterator

from perdure_runtime.partition.input import AttemptLost
from perdure_runtime.partition.rows import Invocation, Running


def recover(stored: Iterable[Invocation]) -> Iterator[AttemptLost]:
    """The inputs that start running invocations again, in the order of ``stored``."""
    for invocation in stored:
        if isinstance(invocation.status, Running):
            yield AttemptLost(invocation.id, invocation.attempt)
