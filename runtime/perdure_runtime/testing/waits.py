"""What each invocation of a test waits for: read where a call would wait for ever."""

from collections.abc import Iterator
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.rows import BackingOff, Ended, Paused, Queued, Running, Scheduled, Suspended
from perdure_runtime.storage.memory import Rows
from perdure_runtime.testing.clock import at
from perdure_runtime.testing.record import Record, Recorded
from perdure_runtime.testing.wording import command_text


def all_waits(record: Record, rows: Rows) -> str:
    """A line for each invocation that has not ended."""
    lines = [f"  {each.label} ({each.row.id}) {wait_of(each, rows)}" for each in record.all() if is_open(each)]
    return "\n".join(lines) or "  no invocation is open"


def is_open(recorded: Recorded) -> bool:
    """Whether an invocation has not ended."""
    return not isinstance(recorded.row.status, Ended)


def wait_of(recorded: Recorded, rows: Rows) -> str:
    """What one invocation waits for."""
    row = recorded.row
    match row.status:
        case Suspended(awaiting):
            waits = [_wait_text(recorded.commands[command]) for command in awaiting]
            return f"waits for {' or '.join(waits) or 'its cancellation'}"
        case Running():
            return _running_text(recorded)
        case Scheduled(due_ms):
            return f"starts at {at(due_ms)}"
        case BackingOff(due_ms):
            return f"failed and is tried again at {at(due_ms)}: {_last_line(row.last_error)}"
        case Queued():
            holder = rows.objects.get((row.target.service, row.target.key))
            return f"is queued: {holder.holder} is the one writer of the key" if holder is not None else "is queued"
        case Paused():
            return f"is paused: {_last_line(row.last_error)}"
        case Ended():
            return "has ended"
        case _:
            assert_never(row.status)


def waited_for(record: Record, rows: Rows, invocation_id: str) -> Iterator[Recorded]:
    """An invocation, and all open ones that it cannot end without."""
    ahead, seen = [invocation_id], {""}
    while ahead:
        recorded = record.find(ahead.pop())
        if recorded is None or recorded.row.id in seen or not is_open(recorded):
            continue
        seen.add(recorded.row.id)
        yield recorded
        if isinstance(recorded.row.status, Queued):
            holder = rows.objects.get((recorded.row.target.service, recorded.row.target.key))
            ahead += [holder.holder] if holder is not None else []
        ahead += [other.row.id for other in record.all() if _is_called_by(other, recorded.row.id)]


def _is_called_by(other: Recorded, invocation_id: str) -> bool:
    return other.row.caller is not None and other.row.caller.invocation_id == invocation_id


def _wait_text(command: Entry) -> str:
    match command.WhichOneof("entry"):
        case "awakeable":
            made = command.awakeable
            return f"awakeable {made.id}: resolve it with client.resolve_awakeable({made.id!r}, {made.type})"
        case "await_signal":
            name = command.await_signal.name
            return f"signal {name!r}: send it with handle.signal({name!r}, {command.await_signal.type})"
        case "get_promise":
            return f"promise {command.get_promise.name!r} of its workflow"
        case _:
            return command_text(command)


def _running_text(recorded: Recorded) -> str:
    done = {entry.completion.command for entry in recorded.entries if entry.HasField("completion")}
    steps = [
        command.run.name
        for ordinal, command in enumerate(recorded.commands)
        if command.HasField("run") and ordinal not in done
    ]
    if steps:
        return f"runs the step {' and '.join(map(repr, steps))}, which has not returned"
    return "runs: its handler computes, or awaits something that is not durable"


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2] or "nothing is known of why"
