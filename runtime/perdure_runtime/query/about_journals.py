"""Journals, and the awakeables in them, as views."""

from collections.abc import Callable

from perdure_protos.perdure.admin.v1.invocations_pb2 import JournalEntry
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry

from perdure_runtime.partition import ids
from perdure_runtime.partition.journal import is_command
from perdure_runtime.query.column import INTEGER, TEXT, Column, SqlValue, derived, iso_time, number, text
from perdure_runtime.query.decoding import Decoder, entry_text, error_text, text_of
from perdure_runtime.query.relation import Relation, scanned
from perdure_runtime.storage.views import JOURNAL_ENTRY, Condition, Operator, Value, ViewRow, is_equal

_INVOCATION, _POSITION, _ENTRY = (JOURNAL_ENTRY.place(name) for name in ("invocation_id", "position", "entry"))


def _shown(name: str, type: str, meaning: str, value: Callable[[JournalEntry], Value]) -> Column:
    """A column of what is known of an entry."""

    def read(row: ViewRow, decoder: Decoder) -> Value:
        return value(decoder.entry(str(row[_INVOCATION]), int(row[_POSITION] or 0)))

    return derived(name, type, meaning, read)


def _said(name: str, meaning: str, field: str = "") -> Column:
    """A text that is NULL where it is empty."""
    return _shown(name, TEXT, meaning, lambda entry: getattr(entry, field or name) or None)


JOURNAL_ENTRIES = Relation(
    "journal_entry",
    "One entry of a journal: a command of the handler, or a notification that came back.",
    (
        text(JOURNAL_ENTRY, "invocation_id", "The invocation."),
        number(JOURNAL_ENTRY, "position", "Its place in the journal, from 0, as `restart --from-entry` takes it."),
        text(JOURNAL_ENTRY, "kind", "call, send, sleep, run, set_state …, or completion, signal …"),
        _shown(
            "command",
            INTEGER,
            "Its number among the commands; of a notification, the command that it is for.",
            lambda entry: entry.command if entry.HasField("command") else None,
        ),
        _shown("notification", INTEGER, "1 where it is no command.", lambda entry: int(entry.notification)),
        _said("summary", "What it is, in words."),
        _said("name", "The step, state key, promise or signal."),
        _said("target", "Of calls and sends, the handler: package.Service/Method."),
        _said("key", "Of calls and sends, the key of the target."),
        _said("callee_id", "Of calls and sends, the invocation that they have become.", "invocation_id"),
        _shown(
            "completed_at", TEXT, "When its result came: UTC.", lambda entry: iso_time(entry.completed_at_ms or None)
        ),
        _shown("completed_at_ms", INTEGER, "When its result came.", lambda entry: entry.completed_at_ms or None),
        _shown("failures", INTEGER, "Of a step, how often it has failed.", lambda entry: entry.failures),
        _said("last_error", "Of a step, why it failed the last time."),
        _shown(
            "input",
            TEXT,
            "What the command carries, as JSON.",
            lambda entry: text_of(entry.input) if entry.HasField("input") else None,
        ),
        _shown(
            "output",
            TEXT,
            "What it was completed with, as JSON.",
            lambda entry: text_of(entry.output) if entry.HasField("output") else None,
        ),
        _shown(
            "error",
            TEXT,
            "The error that it was completed with, as JSON.",
            lambda entry: error_text(entry.error) if entry.HasField("error") else None,
        ),
        _shown("entry", TEXT, "All of this, as one JSON object.", entry_text),
    ),
    ("invocation_id", "position"),
    scanned(JOURNAL_ENTRY),
)


def _of_row(row: ViewRow) -> Entry:
    value = row[_ENTRY]
    return Entry.FromString(value) if isinstance(value, bytes) else Entry()


def _hidden(awakeable_id: str) -> str:
    """Without the part that nobody can guess: whoever knows the whole id can complete it."""
    return f"{awakeable_id.rpartition('_')[0]}_…"


def _completion(row: ViewRow, decoder: Decoder) -> Completion | None:
    """The result of the command of a row."""
    position = int(row[_POSITION] or 0)
    entries = decoder.entries(str(row[_INVOCATION]))
    ordinal = sum(map(is_command, entries[:position]))
    completions = (entry.completion for entry in entries[position:] if entry.HasField("completion"))
    return next((each for each in completions if each.command == ordinal), None)


def _status(row: ViewRow, decoder: Decoder) -> Value:
    completion = _completion(row, decoder)
    if completion is None:
        return "waiting"
    return "rejected" if completion.HasField("failure") else "resolved"


def _id_pushed(operator: Operator, values: tuple[SqlValue, ...]) -> Condition | None:
    found = [ids.of_awakeable(value) for value in values if isinstance(value, str)]
    known = [invocation_id for invocation_id in found if invocation_id is not None]
    if operator is not Operator.EQUAL or not known or len(known) != len(values):
        return None
    return is_equal("invocation_id", *known)


AWAKEABLES = Relation(
    "awakeable",
    "What a handler waits for from outside. Ask for those of one invocation: for all, all journals are read.",
    (
        text(JOURNAL_ENTRY, "invocation_id", "The invocation that waits."),
        number(JOURNAL_ENTRY, "position", "Its place in the journal."),
        derived(
            "id",
            TEXT,
            "Its id without the secret end: whoever knows it all can complete it. `perdure awakeables list` has it.",
            lambda row, _: _hidden(_of_row(row).awakeable.id),
            _id_pushed,
        ),
        derived("type", TEXT, "Full name of the message that resolves it.", lambda row, _: _of_row(row).awakeable.type),
        derived("status", TEXT, "waiting, resolved or rejected.", _status),
        _shown(
            "output",
            TEXT,
            "What it was resolved with, as JSON.",
            lambda entry: text_of(entry.output) if entry.HasField("output") else None,
        ),
        _shown(
            "error",
            TEXT,
            "What it was rejected with, as JSON.",
            lambda entry: error_text(entry.error) if entry.HasField("error") else None,
        ),
    ),
    ("invocation_id", "position"),
    scanned(JOURNAL_ENTRY, is_equal("kind", "awakeable")),
)
