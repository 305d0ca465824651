"""State of objects and workflows, looked at."""

from perdure_protos.perdure.admin.v1.state_pb2 import (
    GetStateRequest,
    ListKeysRequest,
    ListKeysResponse,
    Promise,
    State,
)

from perdure_runtime.cli.asking.invocations import error_text, payload_text
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.paging import note_more, pages
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import facts, print_json, say, table


def print_keys(connection: Connection, service: str, prefix: str, limit: int, *, as_json: bool) -> None:
    """Prints the keys that have state."""

    def ask_page(size: int, token: str) -> ListKeysResponse:
        request = ListKeysRequest(service=service, prefix=prefix, page_size=size, page_token=token)
        return ask(connection, request, ListKeysResponse)

    found = ListKeysResponse()
    for page in pages(ask_page, lambda page: len(page.keys), limit):
        found.keys.extend(page.keys)
        found.next_page_token = page.next_page_token
    if as_json:
        print_json(found)
        return
    for key in found.keys:
        say(key)
    note_more(len(found.keys), found.next_page_token)


def print_one(connection: Connection, service: str, key: str, *, as_json: bool) -> None:
    """Prints all state of a key."""
    state = read(connection, service, key)
    if as_json:
        print_json(state)
        return
    waiting = f"{state.inbox_length}: {', '.join(state.inbox)}" if state.inbox_length else ""
    facts(
        f"{state.service} {state.key}",
        {"version": state.version, "held by": state.holder, "waiting for the key": waiting},
    )
    if state.values:
        say("state")
        table(("field", "value"), ((value.name, payload_text(value.value)) for value in state.values))
    else:
        say("no state")
    if state.promises:
        say("promises")
        table(("name", "status", "result", "waiting"), map(_promise, state.promises))


def read(connection: Connection, service: str, key: str) -> State:
    """The state of a key. Raises Problem."""
    return ask(connection, GetStateRequest(service=service, key=key), State)


def _promise(promise: Promise) -> tuple[str, ...]:
    result = error_text(promise.error) if promise.HasField("error") else payload_text(promise.value)
    return promise.name, promise.status, result, ", ".join(promise.waiting)
