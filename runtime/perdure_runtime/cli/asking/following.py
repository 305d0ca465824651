"""Invocations as they come and change, one line each time, until somebody ends it.

A node tells nobody by itself, so it is asked again and again for the newest ones.
"""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import NoReturn

from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    Invocation,
    ListInvocationsRequest,
    ListInvocationsResponse,
)

from perdure_runtime.cli.asking.choosing import filter_of
from perdure_runtime.cli.asking.invocations import error_text, outcome
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.paging import PAGE
from perdure_runtime.cli.choice import Choice
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import as_json as json_of
from perdure_runtime.cli.printing import say
from perdure_runtime.contracts.headline import headline

INTERVAL_S = 0.5


def follow(connection: Connection, choice: Choice, *, as_json: bool) -> NoReturn:
    """Prints those that fit, whenever one comes or its status changes."""
    known: dict[str, str] = {}
    while True:
        newest = _newest(connection, choice)
        for invocation in newest:
            if known.get(invocation.id) != outcome(invocation):
                say(json.dumps(json_of(invocation)) if as_json else _line(invocation))
        # Those that are too old to be asked for are not remembered either.
        known = {invocation.id: outcome(invocation) for invocation in newest}
        time.sleep(INTERVAL_S)


def _newest(connection: Connection, choice: Choice) -> list[Invocation]:
    """The newest at the end, as the lines of a log."""
    request = ListInvocationsRequest(filter=filter_of(choice), page_size=PAGE)
    return list(reversed(ask(connection, request, ListInvocationsResponse).invocations))


def _line(invocation: Invocation) -> str:
    return "  ".join(_cells(invocation))


def _cells(invocation: Invocation) -> Iterator[str]:
    yield datetime.fromtimestamp((invocation.ended_at_ms or invocation.created_at_ms) / 1_000).strftime("%H:%M:%S")
    yield invocation.id
    yield f"{outcome(invocation):<11}"
    yield f"{invocation.service}/{invocation.handler}"
    if invocation.key:
        yield invocation.key
    error = error_text(invocation.error) if invocation.HasField("error") else invocation.last_error
    if error:
        yield headline(error)
