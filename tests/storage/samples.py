"""Rows for tests, and short ways to write them."""

from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, Outcome, RunCommand
from perdure_runtime.partition.rows import (
    SHARED,
    BackingOff,
    Caller,
    Cancel,
    Ended,
    Invocation,
    Mode,
    Paused,
    Queued,
    Running,
    Scheduled,
    Status,
    Suspended,
    Target,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage

TARGET = Target("shop.v1.UserAccount", "UpdateBalance", "alice")
STATUSES: tuple[Status, ...] = (
    Scheduled(1_700_000_000_000),
    Queued(7),
    Running(),
    Suspended((0, 3, 12)),
    Suspended(()),
    BackingOff(1_700_000_000_001),
    Paused(),
    Ended(Outcome(value=b"done"), 1_700_000_000_002, 1_700_000_086_400, 1_700_000_003_600),
    Ended(Outcome(value=b""), 5, 6, 7, swept=True),
    Ended(Outcome(failure=Failure(code=9, message="insufficient funds", details=[b"d"])), 7, 8, 8),
)


def invocation(id: str, status: Status | None = None, input: bytes = b"input") -> Invocation:
    """An invocation with something in every field."""
    return Invocation(
        id=id,
        target=TARGET,
        mode=Mode(True, True, True, outcome_retention_ms=2_592_000_000, journal_retention_ms=0),
        input=input,
        headers=(("traceparent", "00-ab"), ("x", "ü\n'\"")),
        idempotency_key="o-1",
        caller=Caller("inv_caller", 2),
        created_at_ms=1_699_999_999_999,
        status=status or Running(),
        attempt=3,
        failures=2,
        last_error="ConnectError: refused",
        cancel=Cancel.JOURNALED,
        callees=5,
    )


def bare(id: str, status: Status | None = None) -> Invocation:
    """An invocation with as little as possible in it."""
    return Invocation(
        id, Target("shop.v1.OrderService", "Process", ""), SHARED, b"", (), "", None, 0, status or Running()
    )


def ended(id: str, retain_until_ms: int) -> Invocation:
    """An invocation that has ended."""
    return replace(invocation(id), status=Ended(Outcome(value=b"v"), 1, retain_until_ms, retain_until_ms))


def entries(count: int) -> list[Entry]:
    """Commands and notifications by turns."""
    return [
        Entry(completion=Completion(command=n // 2, at_ms=n, value=b"v" * n))
        if n % 2
        else Entry(run=RunCommand(name=f"step {n}"))
        for n in range(count)
    ]


def inserting(*invocations: Invocation) -> Writes:
    """A batch of new invocations."""
    return Writes(invocations={row.id: row for row in invocations}, inserted={row.id for row in invocations})


def changing(*invocations: Invocation) -> Writes:
    """A batch of changed invocations."""
    return Writes(invocations={row.id: row for row in invocations})


def save(storage: Storage, writes: Writes) -> None:
    """Makes a batch durable."""
    storage.stage(writes)
    storage.commit()
