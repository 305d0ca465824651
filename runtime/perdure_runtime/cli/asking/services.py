"""Services: looked at, and set to be treated otherwise than their contracts say."""

from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    GetServiceRequest,
    Handler,
    ListServicesRequest,
    ListServicesResponse,
    RetryPolicy,
    Service,
    ServiceSettings,
    UpdateServiceRequest,
)

from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.duration import parse_duration_ms, show_duration
from perdure_runtime.cli.printing import facts, note, print_json, say, table
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.retry import read_defaults
from perdure_runtime.cli.services import Changes


def print_all(connection: Connection, *, as_json: bool) -> None:
    """Prints all services."""
    answer = ask(connection, ListServicesRequest(), ListServicesResponse)
    if as_json:
        print_json(answer)
        return
    if not answer.services:
        note("no service is registered; perdure deployments register HOST:PORT does it")
        return
    table(("name", "kind", "callers", "handlers", "deployment"), map(_row, answer.services))


def print_one(connection: Connection, name: str, *, as_json: bool) -> None:
    """Prints a service with its handlers."""
    service = ask(connection, GetServiceRequest(name=name), Service)
    if as_json:
        print_json(service)
        return
    facts(
        service.name,
        {
            "comment": service.comment,
            "kind": service.kind,
            "callers": _callers(public=service.public),
            "deployment": service.deployment_id,
            "state": service.state,
            "promises": ", ".join(f"{promise.name}: {promise.type}" for promise in service.promises),
            "set by operators": ", ".join(f"{name} {value}" for name, value in _settings(service.settings).items()),
        },
    )
    say("handlers")
    columns = ("name", "kind", "callers", "request", "response", "key", "outcome", "journal", "retry")
    table(columns, map(_handler, service.handlers))


def change(connection: Connection, name: str, changes: Changes) -> None:
    """Sets what is named, and leaves other settings as they are. Raises Problem."""
    if changes == Changes():
        raise Problem("say what to set, such as --private or --journal-retention 7d")
    # Before the node is asked: a wrong word changes nothing.
    asked = _read(changes)
    settings = ask(connection, GetServiceRequest(name=name), Service).settings
    settings.MergeFrom(asked)
    changed = ask(connection, UpdateServiceRequest(name=name, settings=settings), Service)
    facts(f"{changed.name} is set", _settings(changed.settings))


def clear(connection: Connection, name: str) -> None:
    """Clears all settings."""
    changed = ask(connection, UpdateServiceRequest(name=name, settings=ServiceSettings()), Service)
    say(f"{changed.name} is treated as its contract says")


def _read(changes: Changes) -> ServiceSettings:
    settings = ServiceSettings()
    if changes.public is not None:
        settings.public = changes.public
    if changes.idempotency_retention:
        settings.idempotency_retention_ms = parse_duration_ms("--idempotency-retention", changes.idempotency_retention)
    if changes.journal_retention:
        settings.journal_retention_ms = parse_duration_ms("--journal-retention", changes.journal_retention)
    if changes.inactivity_timeout:
        settings.inactivity_timeout_ms = parse_duration_ms("--inactivity-timeout", changes.inactivity_timeout)
    if changes.abort_timeout:
        settings.abort_timeout_ms = parse_duration_ms("--abort-timeout", changes.abort_timeout)
    if changes.retry:
        policy = read_defaults(changes.retry).retry
        settings.retry.CopyFrom(
            RetryPolicy(
                initial_interval_ms=policy.initial_ms,
                factor=policy.factor,
                max_interval_ms=policy.max_interval_ms,
                max_attempts=policy.max_attempts,
                pause=policy.pause,
            )
        )
    return settings


def _row(service: Service) -> tuple[str, ...]:
    handlers = ", ".join(handler.name for handler in service.handlers)
    return service.name, service.kind, _callers(public=service.public), handlers, service.deployment_id


def _handler(handler: Handler) -> tuple[str, ...]:
    return (
        handler.name,
        handler.kind,
        _callers(public=handler.public),
        handler.request,
        handler.response,
        handler.key_field,
        show_duration(handler.idempotency_retention_ms),
        show_duration(handler.journal_retention_ms),
        _retry(handler.retry),
    )


def _settings(settings: ServiceSettings) -> dict[str, str]:
    durations = ("idempotency_retention", "journal_retention", "inactivity_timeout", "abort_timeout")
    shown = {"callers": _callers(public=settings.public)} if settings.HasField("public") else {}
    for name in durations:
        if settings.HasField(f"{name}_ms"):  # type: ignore[arg-type]  # The stub wants a literal.
            shown[name.replace("_", " ")] = show_duration(getattr(settings, f"{name}_ms"))
    if settings.HasField("retry"):
        shown["retry"] = _retry(settings.retry)
    return shown


def _retry(policy: RetryPolicy) -> str:
    attempts = f"{policy.max_attempts} attempts, then {'pause' if policy.pause else 'fail'}"
    waits = f"{show_duration(policy.initial_interval_ms)} to {show_duration(policy.max_interval_ms)}"
    return f"{attempts if policy.max_attempts else 'without end'}, {waits}, factor {policy.factor:g}"


def _callers(*, public: bool) -> str:
    return "public" if public else "private"
