"""Which invocations a command is about: its options as the filter of the admin API."""

from perdure_protos.perdure.admin.v1.invocations_pb2 import InvocationFilter

from perdure_runtime.cli.choice import Choice
from perdure_runtime.cli.duration import parse_duration_ms


def filter_of(choice: Choice) -> InvocationFilter:
    """Those that fit all that was said. Raises Problem."""
    return InvocationFilter(
        service=choice.service,
        handler=choice.handler,
        key=choice.key,
        statuses=[status.value for status in choice.status or ()],
        min_age_ms=parse_duration_ms("--older-than", choice.older_than) if choice.older_than else 0,
        max_age_ms=parse_duration_ms("--newer-than", choice.newer_than) if choice.newer_than else 0,
        deployment_id=choice.deployment,
        error_contains=choice.error,
        idempotency_key=choice.idempotency_key,
        caller_id=choice.caller,
    )
