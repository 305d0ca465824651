"""What a test changes about how contracts say that their handlers run."""

from dataclasses import replace

from perdure_runtime.contracts import Contracts
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import LAST_MS
from perdure_runtime.testing.transport import Habits

# A handler that waits leaves memory soon, so that the rows tell all: who runs, and what everybody else waits for.
PARKS_AFTER_MS = 5
ONCE = RetryPolicy(max_attempts=1, pause=False)


def as_tested(contracts: Contracts, habits: Habits) -> Contracts:
    """The same contracts, run by the habits of the test."""
    return Contracts(
        replace(
            service,
            handlers={
                name: replace(handler, execution=execution_as_tested(handler.execution, habits))
                for name, handler in service.handlers.items()
            },
        )
        for service in contracts.values()
    )


def execution_as_tested(execution: Execution, habits: Habits) -> Execution:
    """How one handler runs."""
    if not habits.retention:
        execution = replace(execution, outcome_retention_ms=LAST_MS, journal_retention_ms=LAST_MS)
    return replace(
        execution,
        inactivity_timeout_ms=0 if habits.always_replay else min(PARKS_AFTER_MS, execution.inactivity_timeout_ms),
        retry=execution.retry if habits.retries else ONCE,
    )
