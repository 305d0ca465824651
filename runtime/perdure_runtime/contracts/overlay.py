"""What operators set for a service, laid over what its contract says."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

from perdure_protos.perdure.admin.v1.deployments_pb2 import RetryPolicy as RetryWish
from perdure_protos.perdure.admin.v1.deployments_pb2 import ServiceSettings

from perdure_runtime.contracts.contracts import Contracts
from perdure_runtime.contracts.error import ContractError
from perdure_runtime.contracts.facts import HandlerFacts, ServiceFacts
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import LAST_MS

# The kind of these definitions, as the registry keeps them; the name is that of the service.
SERVICE_SETTINGS = "service_settings"
Duration: TypeAlias = Literal[
    "idempotency_retention_ms", "journal_retention_ms", "inactivity_timeout_ms", "abort_timeout_ms"
]
DURATIONS: tuple[Duration, ...] = get_args(Duration)


def overlaid(contracts: Contracts, settings: Mapping[str, ServiceSettings]) -> Contracts:
    """The contracts as operators want them, by service name; the same object where they say nothing of these."""
    if not any(service in contracts for service in settings):
        return contracts
    return Contracts(
        _service(facts, settings[name]) if name in settings else facts for name, facts in contracts.items()
    )


def check(settings: ServiceSettings) -> None:
    """Raises ContractError where no service can be treated so."""
    for name in DURATIONS:
        value = getattr(settings, name)
        if not 0 <= value <= LAST_MS:
            raise ContractError(f"{name} is {value}; write milliseconds, 0 or more")
    if settings.HasField("retry"):
        _check_retry(settings.retry)


def _check_retry(retry: RetryWish) -> None:
    if not retry.factor >= 1 or retry.factor == float("inf"):
        raise ContractError(f"retry.factor is {retry.factor:g}; it must be at least 1, which keeps the interval")
    if retry.initial_interval_ms < 0 or retry.max_interval_ms > LAST_MS:
        raise ContractError("retry has an interval that is none; write milliseconds, 0 or more")
    if retry.max_interval_ms < retry.initial_interval_ms:
        raise ContractError(
            f"retry.max_interval_ms is {retry.max_interval_ms}, shorter than retry.initial_interval_ms of "
            f"{retry.initial_interval_ms}"
        )


def _service(facts: ServiceFacts, settings: ServiceSettings) -> ServiceFacts:
    handlers = {name: _handler(handler, settings) for name, handler in facts.handlers.items()}
    public = settings.public if settings.HasField("public") else facts.public
    return replace(facts, public=public, handlers=handlers)


def _handler(facts: HandlerFacts, settings: ServiceSettings) -> HandlerFacts:
    execution = _execution(facts.execution, settings)
    mode = replace(
        facts.mode,
        outcome_retention_ms=min(execution.outcome_retention_ms, LAST_MS),
        journal_retention_ms=min(execution.journal_retention_ms, LAST_MS),
    )
    public = settings.public if settings.HasField("public") else facts.public
    return replace(facts, public=public, execution=execution, mode=mode)


def _execution(said: Execution, settings: ServiceSettings) -> Execution:
    def wished(name: Duration, otherwise: int) -> int:
        value: int = getattr(settings, name)
        return value if settings.HasField(name) else otherwise

    retry = settings.retry
    return Execution(
        retry=said.retry
        if not settings.HasField("retry")
        else RetryPolicy(
            initial_ms=retry.initial_interval_ms,
            factor=retry.factor,
            max_interval_ms=retry.max_interval_ms,
            max_attempts=retry.max_attempts,
            pause=retry.pause,
        ),
        outcome_retention_ms=wished("idempotency_retention_ms", said.outcome_retention_ms),
        journal_retention_ms=wished("journal_retention_ms", said.journal_retention_ms),
        inactivity_timeout_ms=wished("inactivity_timeout_ms", said.inactivity_timeout_ms),
        abort_timeout_ms=wished("abort_timeout_ms", said.abort_timeout_ms),
    )
