"""A journal as pages show it: a row for each command, with the bar of how long it took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.invocations_pb2 import Invocation, JournalEntry

from perdure_runtime.ui.charts import Bar, bar
from perdure_runtime.ui.durations import span

# The result of a command stands in the row of the command.
MERGED = frozenset({"completion"})


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. ``state`` is the class of its bar; ``took`` is in words, and empty where that is not known."""

    entry: JournalEntry
    state: str
    word: str
    took: str
    bar: Bar | None


def rows_of(invocation: Invocation, entries: Sequence[JournalEntry], now_ms: int) -> list[Row]:
    """The rows, on the time from the acceptance to the end of the invocation, or until now."""
    whole = (invocation.created_at_ms, _end(invocation, entries, now_ms))
    return [_row(entry, whole, invocation.ended_at_ms) for entry in entries if entry.kind not in MERGED]


def _end(invocation: Invocation, entries: Iterable[JournalEntry], now_ms: int) -> int:
    if invocation.ended_at_ms:
        return invocation.ended_at_ms
    # Of the two clocks, that of the journal may be ahead.
    return max([now_ms, *(entry.completed_at_ms for entry in entries)])


def _row(entry: JournalEntry, whole: tuple[int, int], ended_at_ms: int) -> Row:
    if entry.notification:
        shown = bar(entry.completed_at_ms, entry.completed_at_ms, whole) if entry.completed_at_ms else None
        state = "is-failed" if entry.HasField("error") or entry.last_error else "is-note"
        return Row(entry, state, "came in", "", shown)
    until_ms = entry.completed_at_ms or ended_at_ms or whole[1]
    state, word = _state(entry, bool(ended_at_ms))
    if not entry.began_at_ms:
        return Row(entry, state, word, "", None)
    took = span(max(until_ms - entry.began_at_ms, 0)) if until_ms != entry.began_at_ms else ""
    return Row(entry, state, word, took, bar(entry.began_at_ms, until_ms, whole))


def _state(entry: JournalEntry, has_ended: bool) -> tuple[str, str]:
    if entry.HasField("error"):
        return "is-failed", "failed"
    if entry.completed_at_ms:
        return "is-succeeded", "done"
    if entry.last_error:
        return "is-backing-off", "retrying"
    return ("is-note", "no result") if has_ended else ("is-running", "open")
