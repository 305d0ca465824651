"""The sections of the settings that belong to a node itself; those of security and telemetry are in their packages."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from perdure_runtime.config.values import Address
from perdure_runtime.ingress.limits import MIB, Limits
from perdure_runtime.partition.placement import MOST_PARTITIONS
from perdure_runtime.partition.policy import DEFAULT, Execution, RetryPolicy

# A lease is renewed every third of it: a shorter one would end with each slow answer of the database.
SHORTEST_LEASE = timedelta(seconds=1)
# So many partitions have workers with files of their own: each worker has at least one.
FILE_PARTITIONS = 64
POSTGRES = ("postgresql://", "postgres://")


class Section(BaseModel):
    """A table of the settings. What stands below a field is what it means."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def _in_ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


LIMITS = Limits()


class IngressSettings(Section):
    """Where callers call."""

    listen: Address = Field(default=("127.0.0.1", 8080), json_schema_extra={"flag": "--ingress"})
    """Where callers call. Port 0 lets the system choose."""
    message_bytes: int = Field(default=LIMITS.message_bytes, ge=1024, le=1024 * MIB)
    """One request at most, also after decompression."""
    buffered_bytes: int = Field(default=LIMITS.buffered_bytes, ge=1024)
    """All requests together that have not arrived in full."""
    header_bytes: int = Field(default=LIMITS.header_bytes, ge=1024, le=MIB)
    """The headers of one request at most."""
    concurrent_streams: int = Field(default=LIMITS.concurrent_streams, ge=1, le=100_000)
    """Requests at once on one HTTP/2 connection."""
    idle: timedelta = timedelta(seconds=LIMITS.idle_s)
    """A kept-alive HTTP/1.1 connection without a request is closed after so long."""
    stalled: timedelta = timedelta(seconds=LIMITS.stalled_s)
    """A request that has begun and does not go on is refused after so long."""
    greeting: timedelta = timedelta(seconds=LIMITS.greeting_s)
    """A connection that says nothing is closed after so long."""

    def limits(self) -> Limits:
        """As the ingress takes them."""
        return Limits(
            message_bytes=self.message_bytes,
            buffered_bytes=self.buffered_bytes,
            header_bytes=self.header_bytes,
            concurrent_streams=self.concurrent_streams,
            idle_s=self.idle.total_seconds(),
            stalled_s=self.stalled.total_seconds(),
            greeting_s=self.greeting.total_seconds(),
        )


class AdminSettings(Section):
    """Where operators ask."""

    listen: Address = Field(default=("127.0.0.1", 8081), json_schema_extra={"flag": "--admin"})
    """Where operators ask: the admin API, the web UI and the metrics. Port 0 lets the system choose."""


def _check_urls(urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # Whatever they are, there may be a password in them: they are not repeated.
    texts = [url.get_secret_value() for url in urls]
    if not all(text.startswith(POSTGRES) for text in texts):
        raise ValueError(
            "this is no URL of a PostgreSQL database; write postgresql://USER@HOST:PORT/DATABASE, or leave the option "
            "out to keep an SQLite file in --data"
        )
    if len(set(texts)) < len(texts):
        raise ValueError("two of these databases are the same; name each one once")
    return urls


def _check_partitions(partitions: int | None) -> int | None:
    if partitions is not None and not 1 <= partitions <= MOST_PARTITIONS:
        raise ValueError(f"{partitions} is too many or too few; write 1 to {MOST_PARTITIONS}")
    return partitions


class StorageSettings(Section):
    """Where everything is kept."""

    data: Path = Field(default=Path("perdure-data"), json_schema_extra={"flag": "--data"})
    """Directory of the SQLite files, where no database is named. `perdure dev` has `.perdure`."""
    urls: Annotated[tuple[SecretStr, ...], AfterValidator(_check_urls)] = Field(
        default=(), json_schema_extra={"flag": "--storage", "env": "PERDURE_STORAGE"}
    )
    """PostgreSQL databases, as postgresql://USER@HOST:PORT/DATABASE. Several share the work; keep their order."""
    partitions: Annotated[int | None, AfterValidator(_check_partitions)] = Field(
        default=None, json_schema_extra={"flag": "--partitions"}
    )
    """Into how many parts a new database divides its work; 64 where nothing is said."""
    codec: str = Field(default="", pattern=r"^$|^[\w.]+:[\w.]+$")
    """What payloads go through on their way to storage and back: MODULE:ATTRIBUTE of a payload codec."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The databases, with their passwords."""
        return tuple(url.get_secret_value() for url in self.urls)


def _check_lease(lease: timedelta) -> timedelta:
    if lease < SHORTEST_LEASE:
        raise ValueError(
            f"nodes cannot keep one of {lease.total_seconds():g} s; write {SHORTEST_LEASE.total_seconds():g} or more"
        )
    return lease


def _check_workers(workers: int) -> int:
    if workers < 1:
        raise ValueError(f"{workers} are too few; write 1 or more")
    return workers


class ClusterSettings(Section):
    """A node among others."""

    workers: Annotated[int, AfterValidator(_check_workers)] = Field(default=1, json_schema_extra={"flag": "--workers"})
    """How many processes share the work and the addresses."""
    peer: Address = Field(default=("127.0.0.1", 0), json_schema_extra={"flag": "--peer"})
    """Where the other nodes of the database connect. Workers have the ports from this one on."""
    advertise: Address | None = Field(default=None, json_schema_extra={"flag": "--advertise"})
    """What the other nodes are told instead of `peer`."""
    lease: Annotated[timedelta, AfterValidator(_check_lease)] = Field(
        default=_ms(5_000), json_schema_extra={"flag": "--lease"}
    )
    """The work of a node that is silent for so long goes on at others."""

    def advertised(self, number: int) -> str:
        """What peers are told of a worker, or of a node without any, which is number 0; empty for what it binds."""
        return f"{self.advertise[0]}:{self.advertise[1] + number}" if self.advertise is not None else ""


RETRY = DEFAULT.retry


class RetrySettings(Section):
    """How invocations are tried again whose contract says nothing about it."""

    initial: timedelta = _ms(RETRY.initial_ms)
    """The wait before the second attempt."""
    factor: float = Field(default=RETRY.factor, ge=1, lt=1_000)
    """Each wait is so many times the one before."""
    max_interval: timedelta = Field(default=_ms(RETRY.max_interval_ms), validate_default=True)
    """No wait is longer."""
    max_attempts: int = Field(default=RETRY.max_attempts, ge=0)
    """All attempts, with the first; 0 for no end."""
    on_max_attempts: Literal["pause", "fail"] = "pause"
    """What then becomes of an invocation: it pauses until an operator resumes it, or fails with its last error."""

    @field_validator("max_interval")
    @classmethod
    def _is_not_shorter_than_the_first(cls, longest: timedelta, info: ValidationInfo) -> timedelta:
        first = info.data.get("initial")
        if first is not None and longest < first:
            raise ValueError(f"is {_in_ms(longest)} ms, shorter than initial, {_in_ms(first)} ms")
        return longest

    def policy(self) -> RetryPolicy:
        """As the partition takes it."""
        return RetryPolicy(
            initial_ms=_in_ms(self.initial),
            factor=self.factor,
            max_interval_ms=_in_ms(self.max_interval),
            max_attempts=self.max_attempts,
            pause=self.on_max_attempts == "pause",
        )


class DefaultSettings(Section):
    """How invocations run whose contract says nothing about it."""

    outcome_retention: timedelta = _ms(DEFAULT.outcome_retention_ms)
    """So long an outcome is kept for callers who attach, or call again with the same idempotency key."""
    journal_retention: timedelta = _ms(DEFAULT.journal_retention_ms)
    """So long the journal of an ended invocation is kept for operators."""
    inactivity_timeout: timedelta = _ms(DEFAULT.inactivity_timeout_ms)
    """An invocation that waits for so long is suspended: it leaves the memory of its endpoint."""
    abort_timeout: timedelta = _ms(DEFAULT.abort_timeout_ms)
    """A handler that says nothing for so long, and does not suspend, is tried again."""

    def execution(self, retry: RetrySettings) -> Execution:
        """As the contracts take it."""
        return Execution(
            retry=retry.policy(),
            outcome_retention_ms=_in_ms(self.outcome_retention),
            journal_retention_ms=_in_ms(self.journal_retention),
            inactivity_timeout_ms=_in_ms(self.inactivity_timeout),
            abort_timeout_ms=_in_ms(self.abort_timeout),
        )


class UiSettings(Section):
    """The web UI."""

    enabled: bool = True
    """Whether the admin address serves it, at /ui/."""


class DevSettings(Section):
    """`perdure dev` alone."""

    reload: bool = Field(default=True, json_schema_extra={"flag": "--reload"})
    """Start again when a Python or proto file below the working directory is saved."""


class EndpointSettings(Section):
    """`perdure serve` alone."""

    listen: Address = Field(default=("127.0.0.1", 9080), json_schema_extra={"flag": "--listen"})
    """Where runtime nodes connect."""
