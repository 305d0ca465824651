"""How a handler is run: what it says itself, over what its service says, over the default of the node."""

from perdure_runtime.contracts.error import ContractError
from perdure_runtime.contracts.options import Option
from perdure_runtime.partition.policy import Execution, RetryPolicy


def resolve(handler: Option, service: Option, default: Execution, *, is_run: bool) -> Execution:
    """Each field by itself; ``is_run`` says that the handler is the run of a workflow. Raises ContractError."""
    layers = [handler.nested("execution"), service.nested("execution")]
    outcome_retention_ms = _duration_ms(layers, "idempotency_retention", default.outcome_retention_ms)
    if is_run:
        # Its id is its idempotency key.
        outcome_retention_ms = _duration_ms([service], "workflow_retention", default.outcome_retention_ms)
    return Execution(
        retry=_retry([layer.nested("retry") for layer in layers], default.retry),
        outcome_retention_ms=outcome_retention_ms,
        journal_retention_ms=_duration_ms(layers, "journal_retention", default.journal_retention_ms),
        inactivity_timeout_ms=_duration_ms(layers, "inactivity_timeout", default.inactivity_timeout_ms),
        abort_timeout_ms=_duration_ms(layers, "abort_timeout", default.abort_timeout_ms),
    )


def is_cancelled_explicitly(handler: Option, service: Option) -> bool:
    """Whether the handler looks after its cancellation itself."""
    said = [option.nested("execution").said_flag("explicit_cancellation") for option in (handler, service)]
    return next((flag for flag in said if flag is not None), False)


def _retry(layers: list[Option], default: RetryPolicy) -> RetryPolicy:
    factor = next((factor for layer in layers if (factor := layer.number("factor"))), default.factor)
    if not factor >= 1:
        raise ContractError(f"{layers[0].place} gets a retry factor of {factor:g}; it must be at least 1")
    # A default gives way to what is said: saying only one of the two intervals is no contradiction.
    initial_said = _said_ms(layers, "initial_interval")
    max_said = _said_ms(layers, "max_interval")
    initial_ms = min(default.initial_ms, max_said or default.initial_ms) if initial_said is None else initial_said
    max_interval_ms = max(default.max_interval_ms, initial_ms) if max_said is None else max_said
    if max_interval_ms < initial_ms:
        raise ContractError(
            f"{layers[0].place} gets a retry max_interval of {max_interval_ms} ms, shorter than its initial_interval "
            f"of {initial_ms} ms"
        )
    on_max_attempts = next((name for layer in layers if (name := layer.enum("on_max_attempts"))), "")
    return RetryPolicy(
        initial_ms=initial_ms,
        factor=factor,
        max_interval_ms=max_interval_ms,
        max_attempts=next(
            (int(most) for layer in layers if (most := layer.number("max_attempts"))), default.max_attempts
        ),
        pause=on_max_attempts == "PAUSE" if on_max_attempts else default.pause,
    )


def _duration_ms(layers: list[Option], name: str, default: int) -> int:
    said = _said_ms(layers, name)
    return default if said is None else said


def _said_ms(layers: list[Option], name: str) -> int | None:
    return next((said for layer in layers if (said := layer.duration_ms(name)) is not None), None)
