"""Invocations: found, and shown one by one."""

import time

from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    CallTree,
    GetCallTreeRequest,
    GetCallTreeResponse,
    GetInvocationRequest,
    GetJournalRequest,
    GetJournalResponse,
    Invocation,
    InvocationFilter,
    JournalEntry,
    ListInvocationsRequest,
    ListInvocationsResponse,
)
from perdure_protos.perdure.admin.v1.payload_pb2 import Payload, TerminalError
from rich.text import Text
from rich.tree import Tree

from perdure_runtime.cli.asking.choosing import filter_of
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.paging import PAGE, note_more, pages
from perdure_runtime.cli.choice import Choice
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.duration import show_duration
from perdure_runtime.cli.printing import as_json as json_of
from perdure_runtime.cli.printing import branch, facts, moment, note, print_json, print_value, say, table, tree
from perdure_runtime.contracts.headline import headline


def print_list(connection: Connection, choice: Choice, limit: int, *, oldest_first: bool, as_json: bool) -> None:
    """Prints invocations, the newest first."""
    answer = _found(connection, filter_of(choice), limit, oldest_first=oldest_first)
    if as_json:
        print_json(answer)
        return
    if not answer.invocations:
        note("there are none")
        return
    table(("id", "handler", "key", "status", "age", "took", "error"), map(_row, answer.invocations))
    note_more(len(answer.invocations), answer.next_page_token)


def print_one(connection: Connection, invocation_id: str, *, as_json: bool) -> None:
    """Prints an invocation and its journal."""
    invocation = ask(connection, GetInvocationRequest(invocation_id=invocation_id), Invocation)
    entries = _journal(connection, invocation_id)
    if as_json:
        print_value({"invocation": json_of(invocation), "entries": [json_of(entry) for entry in entries]})
        return
    facts(invocation.id, _facts(invocation))
    if not entries:
        say("no journal")
        return
    say("journal")
    table(("index", "entry", "took", "result"), map(_entry, entries))


def print_tree(connection: Connection, invocation_id: str, *, as_json: bool) -> None:
    """Prints what an invocation has called, and what that has."""
    request = GetCallTreeRequest(invocation_id=invocation_id)
    answer = ask(connection, request, GetCallTreeResponse)
    if as_json:
        print_json(answer)
        return
    root = Tree(_leaf(answer.root.invocation))
    _grow(root, answer.root)
    tree(root)
    if answer.truncated:
        note(
            "there are more calls than a tree shows; list those of one of them with: perdure invocations list --caller"
        )


def outcome(invocation: Invocation) -> str:
    """The status, or of what has ended how: succeeded, failed or cancelled."""
    if invocation.status != "ended":
        return invocation.status
    if not invocation.HasField("error"):
        return "succeeded"
    return "cancelled" if invocation.error.name == "CANCELLED" else "failed"


def payload_text(payload: Payload) -> str:
    """A payload in one line: its JSON, or why there is none."""
    if payload.json:
        return payload.json
    size = f"{payload.size} bytes" + (f" of {payload.type}" if payload.type else "")
    return f"({size}: {payload.problem})" if payload.problem else ""


def error_text(error: TerminalError) -> str:
    """A terminal error in one line."""
    details = "".join(f" {payload_text(detail)}" for detail in error.details)
    return f"{error.name or error.code}: {error.message}{details}"


def _found(
    connection: Connection, wanted: InvocationFilter, limit: int, *, oldest_first: bool
) -> ListInvocationsResponse:
    def ask_page(size: int, token: str) -> ListInvocationsResponse:
        request = ListInvocationsRequest(filter=wanted, page_size=size, page_token=token, oldest_first=oldest_first)
        return ask(connection, request, ListInvocationsResponse)

    found = ListInvocationsResponse()
    for page in pages(ask_page, lambda page: len(page.invocations), limit):
        found.invocations.extend(page.invocations)
        found.next_page_token = page.next_page_token
    return found


def _journal(connection: Connection, invocation_id: str) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    while True:
        request = GetJournalRequest(invocation_id=invocation_id, from_index=len(entries), limit=PAGE)
        page = ask(connection, request, GetJournalResponse)
        entries += page.entries
        if not page.entries or len(entries) >= page.length:
            return entries


def _row(invocation: Invocation) -> tuple[str, ...]:
    took = show_duration(invocation.ended_at_ms - invocation.created_at_ms) if invocation.ended_at_ms else ""
    error = error_text(invocation.error) if invocation.HasField("error") else invocation.last_error
    handler = f"{invocation.service}/{invocation.handler}"
    age = show_duration(time.time() * 1_000 - invocation.created_at_ms)
    return invocation.id, handler, invocation.key, outcome(invocation), age, took, headline(error)


def _facts(invocation: Invocation) -> dict[str, str]:
    status = outcome(invocation)
    if invocation.cancelled and invocation.status != "ended":
        status += ", asked to end"
    return {
        "handler": f"{invocation.service}/{invocation.handler}",
        "key": invocation.key,
        "status": status,
        "advice": invocation.advice,
        "input": payload_text(invocation.input),
        "output": payload_text(invocation.output) if invocation.HasField("output") else "",
        "error": error_text(invocation.error) if invocation.HasField("error") else "",
        "attempt": str(invocation.attempt) if invocation.attempt else "",
        "failures": str(invocation.failures) if invocation.failures else "",
        # Of what has ended well it is of no use any more; its line tells that there was one.
        "last error": headline(invocation.last_error) if _has_succeeded(invocation) else invocation.last_error.rstrip(),
        "caller": invocation.caller_id or "outside",
        "deployment": invocation.deployment_id or "none yet",
        "idempotency key": invocation.idempotency_key,
        "headers": ", ".join(f"{name}: {value}" for name, value in sorted(invocation.headers.items())),
        "accepted": _when(invocation.created_at_ms),
        "due": _when(invocation.due_ms),
        "ended": _when(invocation.ended_at_ms),
        "took": _took(invocation.created_at_ms, invocation.ended_at_ms),
        "outcome kept until": moment(invocation.outcome_until_ms),
        "journal kept until": moment(invocation.journal_until_ms),
        "partition": str(invocation.partition),
    }


def _has_succeeded(invocation: Invocation) -> bool:
    return invocation.status == "ended" and not invocation.HasField("error")


def _entry(entry: JournalEntry) -> tuple[str, ...]:
    result = payload_text(entry.output) if entry.HasField("output") else ""
    if entry.HasField("error"):
        result = error_text(entry.error)
    elif entry.failures:
        result = f"failed {entry.failures} times, the last time: {headline(entry.last_error)}"
    summary = f"{entry.summary} {payload_text(entry.input)}" if entry.HasField("input") else entry.summary
    if entry.invocation_id:
        summary += f" as {entry.invocation_id}"
    return str(entry.index), summary, _took(entry.began_at_ms, entry.completed_at_ms), result


def _grow(parent: Tree, calls: CallTree) -> None:
    for call in calls.calls:
        _grow(parent.add(_leaf(call.invocation)), call)


def _leaf(invocation: Invocation) -> Text:
    handler = f"{invocation.service}/{invocation.handler}"
    return branch(handler, invocation.key, outcome(invocation), invocation.id)


def _when(at_ms: int) -> str:
    if not at_ms:
        return ""
    away_ms = time.time() * 1_000 - at_ms
    away = f"{show_duration(away_ms)} ago" if away_ms >= 0 else f"in {show_duration(-away_ms)}"
    return f"{moment(at_ms)}, {away}"


def _took(began_ms: int, ended_ms: int) -> str:
    return show_duration(ended_ms - began_ms) if began_ms and ended_ms else ""
