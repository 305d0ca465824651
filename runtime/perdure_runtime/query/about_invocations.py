"""Invocations, what names them and what wakes them, as views."""

from perdure_runtime.contracts.showing import code_name
from perdure_runtime.query.column import INTEGER, TEXT, SqlValue, derived, number, text, time
from perdure_runtime.query.decoding import Decoder
from perdure_runtime.query.relation import Relation, scanned
from perdure_runtime.storage.views import (
    IDEMPOTENCY,
    INVOCATION,
    TIMER,
    Condition,
    Operator,
    Value,
    ViewRow,
    is_equal,
)

CANCELLED = 1
_SERVICE, _HANDLER, _DEPLOYMENT = (INVOCATION.place(name) for name in ("service", "handler", "deployment_id"))
_CODE, _OUTCOME, _INPUT, _CANCEL = (INVOCATION.place(name) for name in ("outcome_code", "outcome", "input", "cancel"))


def _ending(row: ViewRow, _: Decoder) -> Value:
    match row[_CODE]:
        case None:
            return None
        case 0:
            return "succeeded"
        case code:
            return "cancelled" if code == CANCELLED else "failed"


def _ending_pushed(operator: Operator, values: tuple[SqlValue, ...]) -> Condition | None:
    if operator is not Operator.EQUAL or len(values) != 1:
        return None
    match values[0]:
        case "succeeded":
            return is_equal("outcome_code", 0)
        case "cancelled":
            return is_equal("outcome_code", CANCELLED)
        case "failed":
            return Condition("outcome_code", Operator.ABOVE, (CANCELLED,))
        case _:
            return None


def _error_code(row: ViewRow, _: Decoder) -> Value:
    code = row[_CODE]
    return code_name(code) if isinstance(code, int) and code else None


def _error(row: ViewRow, decoder: Decoder) -> Value:
    return decoder.error(row[_OUTCOME], str(row[_SERVICE]), str(row[_DEPLOYMENT] or ""))


def _input(row: ViewRow, decoder: Decoder) -> Value:
    return decoder.message(decoder.showing.request(*_handler_of(row)), row[_INPUT])


def _output(row: ViewRow, decoder: Decoder) -> Value:
    return decoder.outcome(decoder.showing.response(*_handler_of(row)), row[_OUTCOME])


def _handler_of(row: ViewRow) -> tuple[str, str, str]:
    return str(row[_SERVICE]), str(row[_HANDLER]), str(row[_DEPLOYMENT] or "")


def _is_cancelled(row: ViewRow, _: Decoder) -> Value:
    return int(bool(row[_CANCEL]))


INVOCATIONS = Relation(
    "invocation",
    "One execution of a handler. Ids sort by time: `ORDER BY id DESC` gives the newest first, without sorting.",
    (
        text(INVOCATION, "id", "Its id."),
        text(INVOCATION, "service", "Full name of the service."),
        text(INVOCATION, "handler", "Name of the handler."),
        text(INVOCATION, "key", "Of objects and workflows, the key; empty for services."),
        text(INVOCATION, "status", "scheduled, queued, running, suspended, backing_off, paused or ended."),
        derived("outcome", TEXT, "How it ended: succeeded, failed or cancelled; NULL before.", _ending, _ending_pushed),
        *time(INVOCATION, "created_at_ms", "When it was accepted"),
        *time(INVOCATION, "ended_at_ms", "When it ended"),
        *time(INVOCATION, "due_ms", "When it starts, or is tried again", "due_at"),
        number(INVOCATION, "attempt", "How many attempts there were."),
        number(INVOCATION, "failures", "How many of them failed since it last made progress."),
        text(INVOCATION, "last_error", "Why the last attempt failed."),
        text(INVOCATION, "deployment_id", "The deployment that wrote its journal."),
        text(INVOCATION, "idempotency_key", "The key of the caller that makes two calls one."),
        text(INVOCATION, "caller_id", "The invocation that called it; NULL for calls from outside."),
        number(INVOCATION, "caller_command", "Which command of the caller it is."),
        derived("cancelled", INTEGER, "1 where it was asked to end.", _is_cancelled),
        derived("error_code", TEXT, "Name of the code of its terminal error, such as NOT_FOUND.", _error_code),
        derived("error", TEXT, "Its terminal error, as JSON: code, message, details.", _error),
        derived("input", TEXT, "The request, as JSON.", _input),
        derived("output", TEXT, "The response, as JSON.", _output),
        text(INVOCATION, "headers", "Headers of the call, as JSON: pairs of name and value."),
        text(INVOCATION, "awaiting", "The commands that a suspended one waits for, as JSON."),
        *time(INVOCATION, "outcome_until_ms", "Its outcome is forgotten then"),
        *time(INVOCATION, "journal_until_ms", "Its journal is forgotten then"),
    ),
    ("id",),
    scanned(INVOCATION),
)

TIMERS = Relation(
    "timer",
    "What wakes an invocation.",
    (
        *time(TIMER, "due_ms", "When it is due", "due_at"),
        text(TIMER, "invocation_id", "The invocation."),
        text(TIMER, "purpose", "start, wake or retry."),
        number(TIMER, "number", "Of wake the command, of retry the attempt."),
    ),
    ("due_at_ms", "invocation_id", "purpose", "number"),
    scanned(TIMER),
)

IDEMPOTENCY_KEYS = Relation(
    "idempotency",
    "What makes two calls one invocation.",
    (
        text(IDEMPOTENCY, "service", "Full name of the service."),
        text(IDEMPOTENCY, "handler", "Name of the handler."),
        text(IDEMPOTENCY, "key", "Of objects, the key; empty for services."),
        text(IDEMPOTENCY, "idempotency_key", "What the caller gave; of workflows the id."),
        text(IDEMPOTENCY, "invocation_id", "The invocation that all such calls are."),
    ),
    ("service", "handler", "key", "idempotency_key"),
    scanned(IDEMPOTENCY),
)
