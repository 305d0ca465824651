"""What an invocation is doing or waits for, and what an operator can do next: in plain words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from perdure_runtime.admin.filters import CANCELLED, terminal_message
from perdure_runtime.admin.rows import Row
from perdure_runtime.contracts.headline import headline

LONGEST_ERROR = 300
# How the SDK begins to say so.
MISMATCH = "journal mismatch at entry"
MOST_NAMED = 5
# Of so much is said that it is soon.
SOON_MS = 1_000


def advice(row: Row, now_ms: int, newest: str | None, awaited: Sequence[str]) -> str:
    """``newest`` is the deployment that its service has now: None where nobody serves it, empty for what was not
    registered. ``awaited`` are the commands that have no result yet, in words, as far as they are known."""
    id, status = row.text("id"), row.text("status")
    if status != "ended" and newest is None:
        service = row.text("service")
        return f"No deployment serves {service}: register one with perdure deployments register HOST:PORT."
    match status:
        case "scheduled":
            return f"It starts {_when(row.number('due_ms'), now_ms)}. Cancel it if it should not."
        case "queued":
            return (
                f"It waits in line for key {row.text('key')!r} of {row.text('service')}, which has one writer at a "
                "time. If nothing moves, look at who holds the key."
            )
        case "running":
            return _running(row, awaited)
        case "suspended":
            waits = _listed(awaited) if awaited else "what its handler awaits"
            return f"It waits for {waits}, and takes no memory meanwhile.{_cancelled(row)}"
        case "backing_off":
            return (
                f"{_failed(row)} It is tried again {_when(row.number('due_ms'), now_ms)}. Fix the cause, or pause it "
                f"to have time for that: perdure invocations pause {id}."
            )
        case "paused":
            return _paused(row, newest or "")
        case _:
            return _ended(row)


def _running(row: Row, awaited: Sequence[str]) -> str:
    doing = f" It is at: {_listed(awaited)}." if awaited else ""
    failed = f" Before that: {_failed(row)}" if row.number("failures") else ""
    return f"Attempt {row.number('attempt')} runs.{doing}{failed}{_cancelled(row)}"


def _paused(row: Row, newest: str) -> str:
    id, deployment = row.text("id"), row.text("deployment_id")
    resume = f"perdure invocations resume {id}"
    if not row.text("last_error"):
        return f"An operator has paused it. It goes on with: {resume}."
    if MISMATCH in row.text("last_error"):
        return (
            f"{_failed(row)} The code does not repeat the journal that it has written before. Register code that does, "
            f"then {resume} --on-newest; or kill it, and restart it from an entry before that place."
        )
    is_old = deployment not in ("", newest)
    onward = f"{resume} --on-newest, which goes on with the code of {newest}" if is_old else resume
    hint = "" if is_old else " (where the code is at fault, register the fixed one first, and add --on-newest)"
    return f"{_failed(row)} Nothing happens until it is resumed. Fix the cause, then: {onward}{hint}."


def _ended(row: Row) -> str:
    code = row.number("outcome_code")
    if not code:
        return "It has ended well."
    if code == CANCELLED:
        return f"It was cancelled. To run it again: perdure invocations restart {row.text('id')}."
    return (
        f"It has ended with an error that its handler meant to be final: {_short(terminal_message(row))} To run it "
        f"again after the cause is fixed: perdure invocations restart {row.text('id')}."
    )


def _failed(row: Row) -> str:
    failures = row.number("failures")
    times = "once" if failures == 1 else f"{failures} times in a row"
    said = f"It has failed {times}" if failures else "It has failed"
    return f"{said}, last with: {_short(row.text('last_error'))}"


def _short(error: str) -> str:
    """An error as one sentence."""
    line = headline(error)
    return f"{line[:LONGEST_ERROR]}…" if len(line) > LONGEST_ERROR else f"{line.rstrip('.')}."


def _cancelled(row: Row) -> str:
    return " It has been asked to end, and undoes what it did." if row.number("cancel") else ""


def _listed(awaited: Sequence[str]) -> str:
    more = f" and {len(awaited) - MOST_NAMED} more" if len(awaited) > MOST_NAMED else ""
    return "; ".join(awaited[:MOST_NAMED]) + more


def _when(due_ms: int, now_ms: int) -> str:
    left_ms = due_ms - now_ms
    if left_ms < SOON_MS:
        return "now"
    at = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=due_ms)).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"in {_span(left_ms // 1_000)}, at {at}"


def _span(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
