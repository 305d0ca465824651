"""What belongs to keys, and to partitions, as views."""

from perdure_runtime.query.column import TEXT, derived, number, text
from perdure_runtime.query.decoding import Decoder
from perdure_runtime.query.relation import Relation, scanned
from perdure_runtime.storage.views import INBOX, PARTITION, PROMISE, STATE, Value, ViewRow

SERVICE = "Full name of the service."
KEY = "The key of the object, or the id of the workflow."


def _value(row: ViewRow, decoder: Decoder) -> Value:
    service, name = str(row[STATE.place("service")]), str(row[STATE.place("name")])
    return decoder.message(decoder.showing.state(service), row[STATE.place("value")], name)


STATES = Relation(
    "state",
    "One field of the state of a key.",
    (
        text(STATE, "service", SERVICE),
        text(STATE, "key", KEY),
        text(STATE, "name", "The field."),
        derived("value", TEXT, "What it holds, as JSON.", _value),
    ),
    ("service", "key", "name"),
    scanned(STATE),
)

INBOXES = Relation(
    "inbox",
    "Exclusive invocations of a key that wait for their turn.",
    (
        text(INBOX, "service", SERVICE),
        text(INBOX, "key", KEY),
        number(INBOX, "seq", "Their order: the least is next."),
        text(INBOX, "invocation_id", "The invocation."),
    ),
    ("service", "key", "seq"),
    scanned(INBOX),
)

_SERVICE, _NAME, _RESULT = (PROMISE.place(name) for name in ("service", "name", "result"))


def _promise_value(row: ViewRow, decoder: Decoder) -> Value:
    return decoder.outcome(decoder.showing.promise(str(row[_SERVICE]), str(row[_NAME])), row[_RESULT])


def _promise_error(row: ViewRow, decoder: Decoder) -> Value:
    return decoder.error(row[_RESULT], str(row[_SERVICE]), "")


def _promise_status(row: ViewRow, decoder: Decoder) -> Value:
    if row[_RESULT] is None:
        return "waiting"
    return "resolved" if _promise_error(row, decoder) is None else "rejected"


PROMISES = Relation(
    "promise",
    "A durable promise of a workflow that somebody has completed or waits for.",
    (
        text(PROMISE, "service", SERVICE),
        text(PROMISE, "key", KEY),
        text(PROMISE, "name", "The promise."),
        derived("status", TEXT, "waiting, resolved or rejected.", _promise_status),
        derived("value", TEXT, "What it was resolved with, as JSON.", _promise_value),
        derived("error", TEXT, "What it was rejected with, as JSON.", _promise_error),
        text(PROMISE, "waiting", "Who waits, as JSON: pairs of invocation and command."),
    ),
    ("service", "key", "name"),
    scanned(PROMISE),
)

PARTITIONS = Relation(
    "partition",
    "A shard of all keys and invocations.",
    (
        number(PARTITION, "partition", "Its number."),
        text(PARTITION, "owner", "The node that owns it; empty where files have one owner anyway."),
        number(PARTITION, "epoch", "How often it has changed hands."),
    ),
    ("partition",),
    scanned(PARTITION),
)
